package lang

import (
	"bytes"
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
	begin := max(0, at.Offset-reach-keyDigits)
	before, after := around(withoutKeys(src[begin:min(len(src), at.Offset+reach+keyDigits)]), at.Offset-begin)
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

// keyDigits is how many hexadecimal digits a key has (see package codes).
const keyDigits = 64

// withoutKeys is a text in which what looks like a key cannot be read. It belongs into a
// file of its own, and findings may be printed where others read them.
func withoutKeys(text []byte) []byte {
	text = bytes.Clone(text)
	isHex := func(r rune) bool { return isDigit(byte(r)) && r < 0x80 || 'a' <= r|0x20 && r|0x20 <= 'f' }
	for at := 0; at < len(text); {
		n := len(text[at:]) - len(bytes.TrimLeftFunc(text[at:], isHex))
		if n == keyDigits {
			copy(text[at:], bytes.Repeat([]byte("*"), n))
		}
		at += n + 1
	}
	return text
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
