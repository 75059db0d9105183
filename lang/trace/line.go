package trace

import (
	"iter"
	"strings"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// white is what separates words, besides line breaks.
const white = " \t\r"

// lines gives the lines of a text and where they start. A leading byte order
// mark is no part of the first.
func lines(src []byte) iter.Seq2[lang.Pos, string] {
	return func(yield func(lang.Pos, string) bool) {
		text, marked := strings.CutPrefix(string(src), lang.ByteOrderMark)
		at := lang.Pos{Line: 1, Column: 1}
		if marked {
			at.Offset = len(lang.ByteOrderMark)
		}
		for text != "" {
			line, rest, _ := strings.Cut(text, "\n")
			if !yield(at, line) {
				return
			}
			at.Offset += len(line) + 1
			at.Line++
			text = rest
		}
	}
}

// line is a line cut into words, and a comment after them.
type line struct {
	text    string   // without the line break
	start   lang.Pos // of the text
	words   []word
	comment int // offset in the text of the `#`; the text's length if there is none
}

// word is a piece of a line: text without white space, `->`, `=>` or a string with its
// quotes. It knows its column, so that no finding counts the characters before it.
type word struct {
	start, end int // offsets in the line's text
	column     int // of its first character, from 0
}

// cut makes l the given line.
func (l *line) cut(text string, start lang.Pos) {
	*l = line{text: text, start: start, words: l.words[:0], comment: len(text)}
	wide := 0 // bytes so far beyond one for each character
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\r':
			i++
		case '#':
			l.comment = i
			return
		default:
			n := wordLength(text[i:])
			l.words = append(l.words, word{i, i + n, i - wide})
			wide += n - utf8.RuneCountInString(text[i:i+n])
			i += n
		}
	}
}

// wordLength is the length of the word at the start of s. A string without its
// closing quote takes the rest of the line.
func wordLength(s string) int {
	if strings.HasPrefix(s, "->") || strings.HasPrefix(s, "=>") {
		return 2
	}
	if s[0] == '"' {
		if n := strings.IndexByte(s[1:], '"'); n >= 0 {
			return n + 2
		}
		return len(strings.TrimRight(s, white))
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\r', '#':
			return i
		case '-', '=':
			if strings.HasPrefix(s[i+1:], ">") {
				return i
			}
		case '"':
			if strings.IndexByte(s[i+1:], '"') >= 0 {
				return i
			}
		}
	}
	return len(s)
}

// word is the text of word i, "" after the last one.
func (l *line) word(i int) string {
	if i >= len(l.words) {
		return ""
	}
	return l.text[l.words[i].start:l.words[i].end]
}

// nth is word i, or after the last one an empty word where that ends.
func (l *line) nth(i int) word {
	switch {
	case i < len(l.words):
		return l.words[i]
	case len(l.words) == 0:
		return word{}
	}
	return l.end(l.words[len(l.words)-1])
}

// end is the empty word at the end of a word.
func (l *line) end(w word) word {
	return word{w.end, w.end, w.column + utf8.RuneCountInString(l.text[w.start:w.end])}
}

// span is the place of word i, or the place after the last one.
func (l *line) span(i int) lang.Span { return l.place(l.nth(i)) }

// part is where a part of word i stands.
func (l *line) part(i, start, end int) lang.Span {
	w := l.nth(i)
	before := l.end(word{w.start, w.start + start, w.column})
	return l.place(word{before.start, w.start + end, before.column})
}

// place is where a word stands.
func (l *line) place(w word) lang.Span {
	start := l.start
	start.Offset += w.start
	start.Column += w.column
	return lang.Span{Start: start, End: advance(start, l.text[w.start:w.end])}
}

func advance(p lang.Pos, text string) lang.Pos {
	p.Offset += len(text)
	p.Column += utf8.RuneCountInString(text)
	return p
}

// trailing is the comment, without white space at its end; "" if there is none.
func (l *line) trailing() string { return strings.TrimRight(l.text[l.comment:], white) }
