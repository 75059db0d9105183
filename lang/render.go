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
	return f.render(file, src, false)
}

func (f Finding) render(file string, src []byte, colors bool) string {
	var b strings.Builder
	at := f.Span.Start
	color := map[Severity]Color{Error: BoldRed, Warning: boldYellow, Info: boldCyan}[f.Severity]
	place := fmt.Sprintf("%s:%d:%d:", Printable(file), at.Line, at.Column)
	fmt.Fprintf(&b, "%s %s %s", bold.Paint(colors, place), color.Paint(colors, f.Severity.String()+":"), f.Message)
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
		fmt.Fprintf(&b, "    %s\n    %s%s\n", Printable(before+after), blank(before), color.Paint(colors, carets))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "    %s %s\n", Green.Paint(colors, "hint:"), f.Hint)
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
