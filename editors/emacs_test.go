package editors_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// emacs runs a program in Emacs, in a folder, and returns what it prints.
func emacs(t *testing.T, dir, program string) string {
	t.Helper()
	need(t, "emacs")
	mode, err := filepath.Abs("emacs/knock-mode.el")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "emacs", "--batch", "-Q", "-l", mode, "--eval", "(progn "+program+")")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("emacs: %v\n%s", err, &stderr)
	}
	return string(out)
}

func TestEmacsCompilesWithoutWarnings(t *testing.T) {
	mode, err := os.ReadFile("emacs/knock-mode.el")
	if err != nil {
		t.Fatal(err)
	}
	s := session{dir: t.TempDir()}
	s.write(t, "copy.el", string(mode))
	emacs(t, s.dir, `(setq byte-compile-error-on-warn t) (unless (byte-compile-file "copy.el") (kill-emacs 1))`)
}

func TestEmacsSaves(t *testing.T) {
	const broken = "knock   a < 1 2 -> 22 wihtin 5s >\n"
	for _, test := range append(slices.Clip(saved), formatted{"broken.knock", broken, broken}) {
		s := session{dir: t.TempDir()}
		s.write(t, test.file, test.text)
		out := emacs(t, s.dir, fmt.Sprintf(`
			(find-file %q) (set-buffer-modified-p t) (save-buffer)
			(when (get-buffer "*knockc fmt*")
			  (next-error)
			  (princ (format "%%s:%%d:%%d" (buffer-name) (line-number-at-pos) (1+ (current-column)))))`, test.file))
		if got := s.read(t, test.file); got != test.want {
			t.Errorf("%s: saved\n%q, want\n%q", test.file, got, test.want)
		}
		if place := "broken.knock:1:23"; (test.text == broken) != (out == place) {
			t.Errorf("%s: the first error is at %q", test.file, out)
		}
	}
}

// faces are how the faces begin that stand for the standard groups of Vim, for
// those that both highlight.
var faces = map[string]string{
	"Comment":    "font-lock-comment",
	"String":     "font-lock-string-face",
	"Identifier": "font-lock-variable-name-face",
	"Number":     "font-lock-constant-face",
	"Constant":   "font-lock-constant-face",
	"Keyword":    "font-lock-keyword-face",
	"Function":   "font-lock-function-name-face",
	"Statement":  "font-lock-builtin-face",
	"Type":       "font-lock-type-face",
	"Special":    "font-lock-type-face",
}

func TestEmacsFaces(t *testing.T) {
	for _, test := range highlighted {
		s := session{dir: t.TempDir()}
		s.write(t, test.file, test.text)
		var places strings.Builder
		for _, h := range test.want {
			fmt.Fprintf(&places, "(%d . %d)", h.line, h.col)
		}
		out := emacs(t, s.dir, fmt.Sprintf(`
			(require 'json) (find-file %q) (font-lock-ensure)
			(princ (json-encode (vconcat (mapcar
			  (lambda (at)
			    (goto-char (point-min)) (forward-line (1- (car at))) (forward-char (1- (cdr at)))
			    (format "%%s" (get-text-property (point) 'face)))
			  '(%s)))))`, test.file, &places))
		var got []string
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		for i, h := range test.want {
			face, ok := faces[h.link]
			if ok && !strings.HasPrefix(got[i], face) {
				t.Errorf("%s:%d:%d: %s has %s, want %s", test.file, h.line, h.col, h.text, got[i], face)
			}
		}
	}
}
