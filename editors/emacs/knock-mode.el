;;; knock-mode.el --- Policies and traces of knockc  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "26.1"))
;; Keywords: languages

;;; Commentary:

;; `knock-mode' is for policies (*.knock), `knock-trace-mode' for traces
;; (*.trace).  Both format a buffer with `knockc fmt' before it is saved.
;; `eglot' starts the language server `knockc lsp'.

;;; Code:

(defgroup knock nil
  "Policies and traces of knockc."
  :group 'languages)

(defcustom knock-format-on-save t
  "Whether a buffer is formatted before it is saved."
  :type 'boolean)

(defvar knock-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (dolist (char '(?< ?> ?/ ?= ?+ ?\\))
      (modify-syntax-entry char "." table))
    (dolist (char '(?_ ?- ?. ?: ?@ ?*))
      (modify-syntax-entry char "_" table))
    table)
  "Words may hold dashes, and interface names and addresses more than that.")

(defconst knock--name "[[:alpha:]][[:alnum:]_]*\\(?:-+[[:alnum:]_]+\\)*")

(defconst knock--number
  "\\(\\+?\\_<-?[0-9]+\\(?:-[0-9]+\\)?\\)\\(?:->\\|\\_>\\)")

(defconst knock--duration
  "\\+?\\_<\\(?:[0-9]+\\(?:\\.[0-9]+\\)?\\(?:[mun]s\\|[dhms]\\)\\)+\\_>")

(defconst knock--address
  (concat "\\_<[0-9]+\\(?:\\.[0-9]+\\)\\{3\\}\\(?:/[0-9]+\\)?"
          "\\|\\_<[[:xdigit:]]*:[[:xdigit:]:.]*\\(?:/[0-9]+\\)?"))

(defconst knock--interface
  "\\_<[[:alpha:]_][[:alnum:]_.@-]*\\(?:[0-9][[:alnum:]_.@-]*\\_>\\|\\*\\)")

;; Where a word is the name of a knock, the first rule has it before the rules
;; for words that mean something elsewhere.
(defvar knock-font-lock-keywords
  `((,(concat "\\_<\\(knock\\)\\_>\\(?:[ \t\n]+\\(" knock--name "\\)\\)?")
     (1 'font-lock-keyword-face) (2 'font-lock-function-name-face nil t))
    (,(concat "\\_<\\(table\\)\\_>\\(?:[ \t\n]+\\(" knock--name "\\)\\)?")
     (1 'font-lock-keyword-face) (2 'font-lock-variable-name-face nil t))
    (,knock--address . 'font-lock-constant-face)
    (,knock--interface . 'font-lock-variable-name-face)
    (,knock--duration . 'font-lock-constant-face)
    (,knock--number 1 'font-lock-constant-face)
    ("\\_<\\(tcp\\|udp\\|ping\\|otp\\)\\(?:->\\|\\_>\\)" 1 'font-lock-type-face)
    (,(regexp-opt '("hook" "priority" "default" "refuse" "open" "size" "trust" "defaults") 'symbols)
     . 'font-lock-keyword-face)
    (,(regexp-opt '("within" "total" "grant" "once" "reset" "close" "from" "on" "at"
                    "key" "period" "ahead" "per" "log")
                  'symbols)
     . 'font-lock-builtin-face)
    (,(regexp-opt '("none" "known" "any" "revoke" "forever" "accept" "drop" "reject"
                    "prerouting" "input")
                  'symbols)
     . 'font-lock-constant-face))
  "What is highlighted in a policy.")

(defvar knock-trace-font-lock-keywords
  `(("^[ \t]*\\(policy\\)[ \t]+\\([^# \t\n\"][^#\n]*\\)"
     (1 'font-lock-keyword-face) (2 'font-lock-string-face))
    ("^[ \t]*\\(policy\\)\\_>" 1 'font-lock-keyword-face)
    ("^[ \t]*\\(start\\)\\_>[ \t]*\\([0-9TZ:-]*\\)"
     (1 'font-lock-keyword-face) (2 'font-lock-constant-face))
    (,(concat "\\_<\\(expect\\)[ \t]+\\(" knock--name "\\)")
     (1 'font-lock-keyword-face) (2 'font-lock-function-name-face))
    (,(concat "\\_<\\(otp\\)[ \t]+\\(" knock--name "\\)")
     (1 'font-lock-builtin-face) (2 'font-lock-function-name-face))
    ("\\[[[:xdigit:]:.]+\\]\\(?::[0-9]+\\)?" . 'font-lock-constant-face)
    (,(concat "\\_<[0-9]+\\(?:\\.[0-9]+\\)\\{3\\}\\(?::[0-9]+\\)?\\|" knock--address)
     . 'font-lock-constant-face)
    (,knock--interface . 'font-lock-variable-name-face)
    (,knock--duration . 'font-lock-constant-face)
    (,knock--number 1 'font-lock-constant-face)
    (,(regexp-opt '("tcp" "udp" "ping") 'symbols) . 'font-lock-type-face)
    (,(regexp-opt '("on" "every" "reverse" "shuffle" "unanswered" "answered" "to" "at" "for") 'symbols)
     . 'font-lock-builtin-face)
    (,(regexp-opt '("syn" "ack" "fin" "rst" "psh" "urg" "null") 'symbols)
     . 'font-lock-type-face)
    (,(regexp-opt '("open" "closed" "accept" "drop" "reject" "pass") 'symbols)
     . 'font-lock-constant-face))
  "What is highlighted in a trace.")

(defun knock-format-buffer ()
  "Format the buffer with `knockc fmt'.
If it has errors it stays as it is, and the buffer *knockc fmt*
shows them; `next-error' goes to them."
  (interactive)
  (if (not (executable-find "knockc"))
      (message "knockc fmt: there is no knockc in the PATH")
    (let ((name (or buffer-file-name
                    (if (derived-mode-p 'knock-trace-mode) "new.trace" "new.knock")))
          (coding-system-for-read 'utf-8)
          (coding-system-for-write 'utf-8-unix)
          (formatted (generate-new-buffer " *knockc fmt*"))
          (messages (make-temp-file "knockc")))
      (unwind-protect
          (if (eql 0 (call-process-region nil nil "knockc" nil (list formatted messages) nil
                                          "fmt" "-stdin-name" name))
              (save-restriction
                (widen)
                (replace-buffer-contents formatted)
                (setq buffer-file-coding-system 'utf-8-unix)
                (knock--hide))
            (knock--show messages))
        (kill-buffer formatted)
        (delete-file messages)))))

(defun knock--show (file)
  "Show what knockc printed to FILE."
  (let ((directory default-directory))
    (with-current-buffer (get-buffer-create "*knockc fmt*")
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert "knockc fmt:\n\n")
        (insert-file-contents file)
        (goto-char (point-min))
        (setq default-directory directory)
        (compilation-mode))
      (setq next-error-last-buffer (current-buffer))
      (display-buffer (current-buffer)))))

(defun knock--hide ()
  "Take away what `knock--show' showed."
  (let* ((buffer (get-buffer "*knockc fmt*"))
         (window (and buffer (get-buffer-window buffer))))
    (cond (window (quit-window t window))
          (buffer (kill-buffer buffer)))))

(defun knock--before-save ()
  "Format the buffer if that is wanted."
  (when knock-format-on-save
    (knock-format-buffer)))

(defun knock--setup ()
  "Set up what both modes share."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \t]*")
  (setq-local compile-command
              (concat "knockc check " (shell-quote-argument (or buffer-file-name ""))))
  (add-hook 'before-save-hook #'knock--before-save nil t))

;;;###autoload
(define-derived-mode knock-mode prog-mode "Knock"
  "Major mode for policies of knockc."
  (setq font-lock-defaults '(knock-font-lock-keywords))
  (setq indent-tabs-mode t)
  (knock--setup))

;;;###autoload
(define-derived-mode knock-trace-mode prog-mode "Knock-Trace"
  "Major mode for traces of knockc."
  :syntax-table knock-mode-syntax-table
  (setq font-lock-defaults '(knock-trace-font-lock-keywords))
  (knock--setup))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.knock\\'" . knock-mode))
;;;###autoload
(add-to-list 'auto-mode-alist '("\\.trace\\'" . knock-trace-mode))

;; One server has both, so that it knows of changes to a policy that are not
;; saved when it replays its traces.
(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '((knock-mode knock-trace-mode) "knockc" "lsp")))

(provide 'knock-mode)
;;; knock-mode.el ends here
