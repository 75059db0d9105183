package lang

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Render shows the finding to a person: its place in the file of the given
// name, what it says, the source line with a caret range, and the hint. It ends
// in a line break.
func (f Finding) Render(file string, src []byte) string {
	var b strings.Builder
	at := f.Span.Start
	fmt.Fprintf(&b, "%s:%d:%d: %s: %s [%s]\n", file, at.Line, at.Column, f.Severity, f.Message, f.Code)
	if line := Printable(sourceLine(src, at.Offset)); strings.TrimSpace(line) != "" {
		fmt.Fprintf(&b, "    %s\n    %s\n", line, carets(line, f.Span))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", f.Hint)
	}
	return b.String()
}

// sourceLine is the line around a byte offset, without its line break.
func sourceLine(src []byte, offset int) string {
	offset = min(offset, len(src))
	start := bytes.LastIndexByte(src[:offset], '\n') + 1
	line, _, _ := bytes.Cut(src[start:], []byte("\n"))
	return strings.TrimPrefix(strings.TrimSuffix(string(line), "\r"), "\uFEFF")
}

// Printable keeps a hostile source line from steering the terminal: whatever
// would not print becomes one visible character.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return '·'
	}, line)
}

// carets underlines the span in its first line; tabs are kept so that the
// columns line up whatever the terminal's tab width.
func carets(line string, s Span) string {
	end := s.End.Column
	if s.End.Line != s.Start.Line {
		end = utf8.RuneCountInString(line) + 1
	}
	var b strings.Builder
	column := 1
	for _, r := range line {
		if column >= s.Start.Column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
		column++
	}
	b.WriteString(strings.Repeat("^", max(1, end-s.Start.Column)))
	return b.String()
}
