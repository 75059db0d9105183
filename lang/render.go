package lang

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Render shows the finding to a person: its place in the file of the given
// name, what it says, the source line with a caret range, and the hint. It ends
// in a line break.
func (f Finding) Render(file string, src []byte) string {
	return f.render(file, src, func(_, text string) string { return text })
}

// RenderColor is Render for a terminal that shows colours.
func (f Finding) RenderColor(file string, src []byte) string {
	return f.render(file, src, func(color, text string) string { return "\x1b[" + color + "m" + text + "\x1b[0m" })
}

// The colours of a terminal (ECMA-48, SGR).
const bold, red, yellow, cyan, green = "1", "1;31", "1;33", "1;36", "32"

func (f Finding) render(file string, src []byte, paint func(color, text string) string) string {
	var b strings.Builder
	at := f.Span.Start
	color := map[Severity]string{Error: red, Warning: yellow, Info: cyan}[f.Severity]
	place := fmt.Sprintf("%s:%d:%d:", Printable(file), at.Line, at.Column)
	fmt.Fprintf(&b, "%s %s %s", paint(bold, place), paint(color, f.Severity.String()+":"), f.Message)
	if f.Code != "" {
		fmt.Fprintf(&b, " [%s]", f.Code)
	}
	b.WriteByte('\n')
	before, after := around(src, at.Offset)
	if strings.TrimSpace(before+after) != "" {
		marked := after
		if f.Span.End.Line == at.Line {
			marked = after[:min(len(after), f.Span.End.Offset-at.Offset)]
		}
		carets := strings.Repeat("^", max(1, utf8.RuneCountInString(marked)))
		fmt.Fprintf(&b, "    %s\n    %s%s\n", Printable(before+after), blank(before), paint(color, carets))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "    %s %s\n", paint(green, "hint:"), f.Hint)
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
	return strings.TrimPrefix(before, ByteOrderMark), strings.TrimSuffix(after, "\r")
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
