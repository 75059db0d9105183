package trace

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"knockc/lang"
)

// word is a piece of a line: text without white space, `->`, `=>` or a string
// with its quotes.
type word struct {
	text string
	span lang.Span
}

// line is a line cut into words, and what follows its first one as it stands.
type line struct {
	words []word
	end   lang.Pos // behind the last word
}

// cutLine cuts a line, without its comment, into words. bad is the first byte
// that is not text, or -1.
func cutLine(text string, start lang.Pos) (l line, bad int) {
	l.end = start
	for i := 0; i < len(text) && text[i] != '#'; {
		if strings.IndexByte(" \t\r", text[i]) >= 0 {
			i++
			continue
		}
		n := wordEnd(text[i:])
		w := word{text[i : i+n], lang.Span{Start: advance(start, text[:i]), End: advance(start, text[:i+n])}}
		l.words = append(l.words, w)
		l.end = w.span.End
		i += n
	}
	for i, r := range text {
		if r == 0 || r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return l, i
		}
	}
	return l, -1
}

// wordEnd is the length of the word at the start of s.
func wordEnd(s string) int {
	if strings.HasPrefix(s, "->") || strings.HasPrefix(s, "=>") {
		return 2
	}
	if n := strings.IndexByte(s[1:], '"'); s[0] == '"' && n >= 0 {
		return n + 2
	}
	for i := 1; i < len(s); i++ {
		if strings.IndexByte(" \t\r#", s[i]) >= 0 || strings.HasPrefix(s[i:], "->") || strings.HasPrefix(s[i:], "=>") {
			return i
		}
	}
	return len(s)
}

func advance(p lang.Pos, text string) lang.Pos {
	p.Offset += len(text)
	p.Column += utf8.RuneCountInString(text)
	return p
}

// has reports whether word i of the line is the given text.
func (l line) has(i int, text string) bool { return i < len(l.words) && l.words[i].text == text }

// span is word i of the line, or the place behind its end.
func (l line) span(i int) lang.Span {
	if i < len(l.words) {
		return l.words[i].span
	}
	return lang.Span{Start: l.end, End: l.end}
}

// found says what stands at word i of the line.
func (l line) found(i int) string {
	if i < len(l.words) {
		return fmt.Sprintf("found `%s`", lang.Printable(l.words[i].text))
	}
	return "the line ends"
}
