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
	rest   string   // what is still to be read
	at     lang.Pos // where that starts
	faulty bool     // some of it may be no text, see [lang.NotText]
	ascii  bool     // all of it is ASCII
}

// newText is a whole text. A leading byte order mark is no part of its first line.
func newText(src string) text {
	rest, marked := strings.CutPrefix(src, lang.ByteOrderMark)
	t := text{at: lang.Pos{Line: 1, Column: 1}}
	if marked {
		t.at.Offset = len(lang.ByteOrderMark)
	}
	t.add(rest)
	return t
}

// add adds whole lines, after all before them have been read.
func (t *text) add(lines string) {
	bad, _ := lang.NotText(lines)
	t.rest, t.faulty, t.ascii = lines, bad >= 0, isASCII(lines)
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

func isASCII(text string) bool {
	for len(text) >= 8 { // most of a text, without a branch for each byte
		if text[0]|text[1]|text[2]|text[3]|text[4]|text[5]|text[6]|text[7] >= utf8.RuneSelf {
			return false
		}
		text = text[8:]
	}
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// line is a line that is cut into words as far as they are asked for, and a comment
// after them.
type line struct {
	text    string   // without the line break
	start   lang.Pos // of the text
	ascii   bool     // each byte is a character
	words   []word
	uncut   int // where the text begins that is not cut yet
	comment int // offset in the text of the `#`; the text's length if none has been met

	// The latest place whose column was asked for, and how many bytes there are up to it
	// beyond one for each character. Many findings in a long line count it only once.
	counted, wide int
}

// word is a piece of a line: text without white space, `->`, `=>` or a string with its
// quotes.
type word struct{ start, end int } // offsets in the line's text

// begin makes l the next line of a text, of which there must be one.
func (l *line) begin(t *text) {
	l.text, l.start = t.line()
	l.ascii, l.comment = t.ascii, len(l.text)
	l.words, l.uncut, l.counted, l.wide = l.words[:0], 0, 0, 0
	l.skip()
}

// skip goes on to the next word that is not cut yet, or to the comment or the end.
func (l *line) skip() {
	for l.uncut < len(l.text) {
		switch l.text[l.uncut] {
		case ' ', '\t', '\r':
			l.uncut++
		case '#':
			l.comment = l.uncut
			return
		default:
			return
		}
	}
}

// has reports whether there is a word i.
func (l *line) has(i int) bool {
	for i >= len(l.words) {
		if l.uncut >= l.comment {
			return false
		}
		l.cut()
	}
	return true
}

// count is how many words there are.
func (l *line) count() int {
	for l.has(len(l.words)) {
	}
	return len(l.words)
}

// cut cuts off a word, of which there must be one.
func (l *line) cut() { l.add(wordEnd(l.text, l.uncut)) }

// add adds the word up to an end.
func (l *line) add(end int) {
	l.words = append(l.words, word{l.uncut, end})
	l.uncut = end
	l.skip()
}

// ahead is the text from word i on if that is the next one to be cut, else "".
func (l *line) ahead(i int) string {
	if i != len(l.words) {
		return ""
	}
	return l.text[l.uncut:l.comment]
}

// take cuts off a word of the given length, if a word ends there.
func (l *line) take(length int) bool {
	end := l.uncut + length
	if length == 0 || end < len(l.text) && !isWhite(l.text[end]) {
		return false
	}
	l.add(end)
	return true
}

// takeArrow cuts off `->`, if that is the next word to be cut.
func (l *line) takeArrow() bool {
	if !strings.HasPrefix(l.text[l.uncut:], "->") {
		return false
	}
	l.add(l.uncut + len("->"))
	return true
}

func isWhite(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// wordEnd is where the word ends that begins at a byte of a line. A string without its
// closing quote takes the rest of the line.
func wordEnd(text string, begin int) int {
	switch text[begin] {
	case '-', '=':
		if strings.HasPrefix(text[begin+1:], ">") {
			return begin + 2
		}
	case '"':
		if n := strings.IndexByte(text[begin+1:], '"'); n >= 0 {
			return begin + n + 2
		}
		return len(strings.TrimRight(text, white))
	}
	for i := begin + 1; i < len(text); i++ {
		switch c := text[i]; {
		case '.' <= c && c <= '<', '>' <= c: // digits, letters
		case c == ' ', c == '\t', c == '\r', c == '#':
			return i
		case c == '-', c == '=':
			if strings.HasPrefix(text[i+1:], ">") {
				return i
			}
		case c == '"':
			if strings.IndexByte(text[i+1:], '"') >= 0 {
				return i
			}
		}
	}
	return len(text)
}

// word is the text of word i, "" after the last one.
func (l *line) word(i int) string {
	if !l.has(i) {
		return ""
	}
	return l.text[l.words[i].start:l.words[i].end]
}

// is reports whether word i is a certain one. It does not cut off another.
func (l *line) is(i int, word string) bool {
	if i == len(l.words) && (l.uncut >= l.comment || l.text[l.uncut] != word[0]) {
		return false
	}
	return l.word(i) == word
}

// nth is word i, or after the last one an empty word where that ends.
func (l *line) nth(i int) word {
	switch {
	case l.has(i):
		return l.words[i]
	case len(l.words) == 0:
		return word{}
	}
	last := l.words[len(l.words)-1]
	return word{last.end, last.end}
}

// span is the place of word i, or the place after the last one.
func (l *line) span(i int) lang.Span { return l.place(l.nth(i)) }

// all makes s the place of all words.
func (l *line) all(s *lang.Span) {
	s.Start, s.End = l.pos(l.words[0].start), l.pos(l.words[l.count()-1].end)
}

// part is where a part of word i stands.
func (l *line) part(i, start, end int) lang.Span {
	w := l.nth(i)
	return l.place(word{w.start + start, w.start + end})
}

// place is where a word stands.
func (l *line) place(w word) lang.Span { return lang.Span{Start: l.pos(w.start), End: l.pos(w.end)} }

func (l *line) pos(offset int) lang.Pos {
	return lang.Pos{Offset: l.start.Offset + offset, Line: l.start.Line, Column: l.start.Column + l.column(offset)}
}

// column is how many characters there are before an offset.
func (l *line) column(offset int) int {
	if l.ascii {
		return offset
	}
	if l.counted <= offset {
		l.wide += wide(l.text[l.counted:offset])
	} else {
		l.wide -= wide(l.text[offset:l.counted])
	}
	l.counted = offset
	return offset - l.wide
}

// wide is how many bytes a text has beyond one for each character.
func wide(text string) int { return len(text) - utf8.RuneCountInString(text) }

// trailing is the comment, without white space at its end; "" if there is none.
func (l *line) trailing() string { return strings.TrimRight(l.text[l.comment:], white) }
