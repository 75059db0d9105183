package trace

import (
	"strings"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// white is what separates words, besides line breaks.
const white = " \t\r"

// text is a text that is read line by line.
type text struct {
	rest string   // what is still to be read
	at   lang.Pos // where that starts
}

// newText is a whole text. A leading byte order mark is no part of its first line.
func newText(src []byte) text {
	rest, marked := strings.CutPrefix(string(src), lang.ByteOrderMark)
	t := text{rest, lang.Pos{Line: 1, Column: 1}}
	if marked {
		t.at.Offset = len(lang.ByteOrderMark)
	}
	return t
}

// line cuts off the next line, of which there must be one, and tells where it starts.
func (t *text) line() (line string, at lang.Pos) {
	line, at = t.rest, t.at
	if i := strings.IndexByte(t.rest, '\n'); i >= 0 {
		line = line[:i]
	}
	t.rest = t.rest[min(len(line)+1, len(t.rest)):]
	t.at.Offset += len(line) + 1
	t.at.Line++
	return line, at
}

// line is a line cut into words, and a comment after them.
type line struct {
	text    string   // without the line break
	start   lang.Pos // of the text
	words   []word
	comment int  // offset in the text of the `#`; the text's length if there is none
	plain   bool // there is no comment, and the words are certainly ASCII without NUL
}

// word is a piece of a line: text without white space, `->`, `=>` or a string with its
// quotes. It knows its columns, so that no finding counts the characters before it.
type word struct {
	start, end    int // offsets in the line's text
	column, after int // of its first character, and the one after it; from 0
}

// cut makes l the given line.
func (l *line) cut(text string, start lang.Pos) {
	*l = line{text: text, start: start, words: l.words[:0], comment: len(text), plain: true}
	wide := 0 // bytes so far beyond one for each character
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\r':
			i++
		case '#':
			l.comment, l.plain = i, false
			return
		default:
			end, plain := wordEnd(text, i)
			w := word{start: i, end: end, column: i - wide}
			if !plain {
				l.plain = false
				wide += end - i - utf8.RuneCountInString(text[i:end])
			}
			w.after = end - wide
			l.words = append(l.words, w)
			i = end
		}
	}
}

// wordEnd is where the word ends that begins at a byte of a line, and whether it is
// certainly plain, see [line]. A string without its closing quote takes the rest of the
// line.
func wordEnd(text string, begin int) (end int, plain bool) {
	switch text[begin] {
	case '-', '=':
		if strings.HasPrefix(text[begin+1:], ">") {
			return begin + 2, true
		}
	case '"':
		if n := strings.IndexByte(text[begin+1:], '"'); n >= 0 {
			return begin + n + 2, false
		}
		return len(strings.TrimRight(text, white)), false
	}
	plain = text[begin] != 0 && text[begin] < utf8.RuneSelf
	for i := begin + 1; i < len(text); i++ {
		switch c := text[i]; {
		case '.' <= c && c <= '<', '>' <= c && c < utf8.RuneSelf: // digits, letters
		case c == ' ', c == '\t', c == '\r', c == '#':
			return i, plain
		case c == '-', c == '=':
			if strings.HasPrefix(text[i+1:], ">") {
				return i, plain
			}
		case c == '"':
			if strings.IndexByte(text[i+1:], '"') >= 0 {
				return i, plain
			}
		default:
			plain = false
		}
	}
	return len(text), plain
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
	last := l.words[len(l.words)-1]
	return word{last.end, last.end, last.after, last.after}
}

// span is the place of word i, or the place after the last one.
func (l *line) span(i int) lang.Span { return l.place(l.nth(i)) }

// all is the place of all words.
func (l *line) all() lang.Span {
	first, last := &l.words[0], &l.words[len(l.words)-1]
	return lang.Span{Start: l.pos(first.start, first.column), End: l.pos(last.end, last.after)}
}

// part is where a part of word i stands.
func (l *line) part(i, start, end int) lang.Span {
	w := l.nth(i)
	column := w.column + utf8.RuneCountInString(l.text[w.start:w.start+start])
	after := column + utf8.RuneCountInString(l.text[w.start+start:w.start+end])
	return l.place(word{w.start + start, w.start + end, column, after})
}

// place is where a word stands.
func (l *line) place(w word) lang.Span {
	return lang.Span{Start: l.pos(w.start, w.column), End: l.pos(w.end, w.after)}
}

func (l *line) pos(offset, column int) lang.Pos {
	return lang.Pos{Offset: l.start.Offset + offset, Line: l.start.Line, Column: l.start.Column + column}
}

// trailing is the comment, without white space at its end; "" if there is none.
func (l *line) trailing() string { return strings.TrimRight(l.text[l.comment:], white) }
