package editors_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withEglot begins a program that uses eglot. Without a user, Emacs is never idle, so the
// program says when eglot should tell the server what has changed.
const withEglot = `
	(require 'package)
	(add-to-list 'package-directory-list "/usr/share/emacs/site-lisp/elpa")
	(package-initialize)
	(require 'eglot)
	(setq eglot-sync-connect 240 eglot-connect-timeout 240)
	(defun serve (file)
	  (find-file file)
	  (unless (eglot-managed-p) (apply #'eglot (eglot--guess-contact))))
	(defun edit (from to)
	  (save-excursion
	    (goto-char (point-min)) (search-forward from) (replace-match to)
	    (eglot--signal-textDocument/didChange)))
	(defun found (text)
	  (seq-find (lambda (d) (string-match-p text (flymake-diagnostic-text d))) (flymake-diagnostics)))
	(defun shows (text)
	  "Wait until flymake shows TEXT, and say where."
	  (let ((end (+ (float-time) 240)))
	    (while (and (not (found text)) (< (float-time) end))
	      (flymake-start)
	      (accept-process-output nil 0.02))
	    (let ((d (found text)))
	      (princ (if d
	                 (format "%s:%d: %s\n" (buffer-name) (line-number-at-pos (flymake-diagnostic-beg d))
	                         (flymake-diagnostic-text d))
	               (format "%s is never shown\n" text))))))
`

// TestEmacsServer edits in Emacs with eglot, which the server tells what is wrong before
// anything is saved.
func TestEmacsServer(t *testing.T) {
	s := session{dir: t.TempDir()}
	s.write(t, "policy.knock", somePolicy)
	s.write(t, "policy.trace", someTrace)
	out := emacs(t, s.dir, withEglot+`
		(serve "policy.knock")
		(edit "within" "wihtin")
		(shows "wihtin")
		(edit "wihtin" "within")
		(edit "10000" "10001")
		(serve "policy.trace")
		(shows "wanted ssh")
		(princ (format "%d server\n" (hash-table-count eglot--servers-by-project)))`)
	want := []string{
		"policy.knock:1: knockc [K004]: unknown clause `wihtin`",
		"hint: did you mean `within`?",
		"policy.trace:5: knockc: wanted ssh open for 192.0.2.7, it is closed",
		"no grant for ssh: step 2 came at 1s, step 1 (10001) never came before",
		"1 server",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := s.read(t, "policy.knock"); got != somePolicy {
		t.Errorf("saved: %q", got)
	}
}
