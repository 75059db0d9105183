package lang

import (
	"encoding/hex"
	"strings"
	"time"
)

// key reads the name of a key's file.
func (v *values) key(file *KeyFile) {
	if len(v.terms) == 0 || v.terms[0].Tokens[0].Type != tokenString {
		v.keyWithoutQuotes()
		return
	}
	term, _ := v.next()
	path := strings.Trim(term.text(), `"`)
	switch {
	case len(term.Tokens) > 1:
		v.p.add(CodeSyntax, tokenSpan(term.Tokens[1]), "%s does not belong here", Quote(term.Tokens[1].Value))
	case path == "":
		v.p.add(CodeOneTime, term.span(), "the name of the key's file is empty").hint(`key "ssh.key"`)
	case isKey(path):
		v.keyItself(term)
	case len(path) > MaxKeyFile:
		v.p.add(CodeOneTime, term.span(), "the name of the key's file is %d bytes long: %d are allowed", len(path), MaxKeyFile)
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		v.p.add(CodeOneTime, term.span(), "the name of the key's file contains control characters")
	default:
		*file = KeyFile{path, term.span()}
	}
}

// keyItself says that a key does not belong into a policy, which others may read.
func (v *values) keyItself(term termNode) {
	v.p.add(CodeOneTime, term.span(), "this is a key, and not the name of its file: make a new one with `knockc key`, and keep it out of the policy").hint(`key "ssh.key"`)
}

// isKey reports whether a string is what the file of a key has in it.
func isKey(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == keyDigits
}

// keyWithoutQuotes says that a string is wanted, whatever stands there.
func (v *values) keyWithoutQuotes() {
	if len(v.terms) == 0 || v.terms[0].isWord() && Nearest(v.terms[0].text(), ClauseWords) != "" {
		v.missing("the name of a file in quotes", v.word+` "ssh.key"`)
		return
	}
	term := v.terms[0]
	v.terms = v.terms[1:]
	if isKey(term.text()) {
		v.keyItself(term)
		return
	}
	v.p.add(CodeSyntax, term.span(), "the name of the key's file needs quotes").hint("key %q", term.text())
}

// seconds reads a duration of whole seconds within bounds.
func (v *values) seconds(low, high time.Duration, bounds string, d *time.Duration) {
	var got time.Duration
	var at Span
	if len(v.terms) > 0 {
		at = v.terms[0].span()
	}
	switch v.duration(&got); {
	case got == 0: // there is a finding
	case got%time.Second != 0:
		v.p.add(CodeDuration, at, "%s is not in whole seconds", Quote(FormatDuration(got))).hint("%s %s", v.word, FormatDuration(got.Truncate(time.Second)+time.Second))
	case got < low || got > high:
		v.p.add(CodeDuration, at, "%s is out of range: %s", Quote(FormatDuration(got)), bounds)
	default:
		*d = got
	}
}
