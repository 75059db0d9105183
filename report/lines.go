package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// LineWidth is how wide a line for people may be: that of a usual terminal. Only a single
// long word makes a line wider.
const LineWidth = 80

// continued begins the lines in which a long one goes on.
const continued = "    "

// writeLine writes a line for people. If it is long, it goes on in further lines, which
// begin after a semicolon if they can, else between words.
func writeLine(w io.Writer, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	begin := len(text) - len(strings.TrimLeft(text, " "))
	l := lines{w, text[:begin]}
	for _, clause := range strings.SplitAfter(text[begin:], "; ") {
		if l.fits(clause) {
			l.line += clause
			continue
		}
		if strings.HasSuffix(l.line, "; ") {
			l.end()
		}
		for _, word := range strings.SplitAfter(clause, " ") {
			if !l.fits(word) {
				l.end()
			}
			l.line += word
		}
	}
	fmt.Fprintln(w, strings.TrimRight(l.line, " "))
}

// lines are written, and the line is about to be.
type lines struct {
	w    io.Writer
	line string
}

func (l *lines) fits(more string) bool {
	return strings.TrimSpace(l.line) == "" || width(strings.TrimRight(l.line+more, " ")) <= LineWidth
}

func (l *lines) end() {
	fmt.Fprintln(l.w, strings.TrimRight(l.line, " "))
	l.line = continued
}

// width is how many characters a text has on a terminal, whatever colours it has.
func width(text string) int {
	n := 0
	for {
		before, after, colored := strings.Cut(text, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !colored {
			return n
		}
		_, text, _ = strings.Cut(after, "m")
	}
}
