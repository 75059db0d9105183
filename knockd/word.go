package knockd

import (
	"strings"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// space is what knockd trims (isspace of the C locale).
const space = " \t\n\v\f\r"

func isSpace(r rune) bool { return strings.ContainsRune(space, r) }

// word is a piece of one line of the configuration, and where it stands.
type word struct {
	text  string
	start lang.Pos
}

// span is the text that the word takes up.
func (w word) span() lang.Span { return lang.Span{Start: w.start, End: w.from(len(w.text)).start} }

// from is the word from a byte of it on.
func (w word) from(i int) word {
	at := w.start
	at.Offset += i
	at.Column += utf8.RuneCountInString(w.text[:i])
	return word{w.text[i:], at}
}

// to is the word up to a byte of it.
func (w word) to(i int) word { return word{w.text[:i], w.start} }

// trim is the word without white space around it.
func (w word) trim() word {
	w = w.from(len(w.text) - len(strings.TrimLeft(w.text, space)))
	return w.to(len(strings.TrimRight(w.text, space)))
}

// cut splits the word at the first separator; both parts are trimmed.
func (w word) cut(separator byte) (before, after word, found bool) {
	i := strings.IndexByte(w.text, separator)
	if i < 0 {
		return w.trim(), w.from(len(w.text)), false
	}
	return w.to(i).trim(), w.from(i + 1).trim(), true
}

// split is all that stands between the separators.
func (w word) split(separator byte) []word {
	var parts []word
	for {
		part, rest, more := w.cut(separator)
		parts = append(parts, part)
		if !more {
			return parts
		}
		w = rest
	}
}

// lines are the lines of a text without their ends and a byte order mark.
func lines(src string) []word {
	var all []word
	offset, number := 0, 0
	for line := range strings.Lines(src) {
		number++
		skip := 0
		if number == 1 && strings.HasPrefix(line, lang.ByteOrderMark) {
			skip = len(lang.ByteOrderMark)
		}
		at := lang.Pos{Offset: offset + skip, Line: number, Column: 1}
		all = append(all, word{line[skip:], at}.trim())
		offset += len(line)
	}
	return all
}
