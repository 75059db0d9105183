package lang

import (
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
	fmt.Fprintf(&b, "%s:%d:%d: %s: %s [%s]\n", Printable(file), at.Line, at.Column, f.Severity, f.Message, f.Code)
	before, after := around(src, at.Offset)
	if strings.TrimSpace(before+after) != "" {
		marked := after
		if f.Span.End.Line == at.Line {
			marked = after[:min(len(after), f.Span.End.Offset-at.Offset)]
		}
		width := max(1, utf8.RuneCountInString(marked))
		fmt.Fprintf(&b, "    %s\n    %s%s\n", Printable(before+after), blank(before), strings.Repeat("^", width))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", f.Hint)
	}
	return b.String()
}

// reach is how many bytes of a long line are shown on each side of where a
// finding begins.
const reach = 120

// around is the text of a line before and after a byte offset.
func around(src []byte, offset int) (before, after string) {
	start := max(0, offset-reach)
	for start > 0 && start < offset && !utf8.RuneStart(src[start]) {
		start++
	}
	before = string(src[start:offset])
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ = strings.Cut(string(src[offset:min(len(src), offset+reach)]), "\n")
	return strings.TrimPrefix(before, byteOrderMark), strings.TrimSuffix(after, "\r")
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

// blank is white space as wide as the text; tabs are kept, so that columns line
// up whatever the terminal's tab width.
func blank(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, text)
}
