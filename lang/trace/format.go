package trace

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// Where the columns stand, in characters. The least widths let the columns of
// several blocks, and of several traces, line up unless something long is in
// them.
const (
	minTime    = 6  // width of a time
	minPacket  = 33 // width of a packet that has a verdict
	columnGap  = 2  // after a time and after a packet
	commentGap = 3  // before a comment
)

// Format returns the trace in canonical form. It changes only white space, and removes
// a leading byte order mark. A text with errors has no canonical form: the findings say
// why, and the returned text is nil.
func Format(src []byte) ([]byte, []lang.Finding) {
	var f formatter
	f.out.Grow(len(src) + 1) // never 0: an empty text is formatted, not nil
	var p parser
	for text := newText(string(src)); text.rest != "" && !p.stopped(); {
		p.readLine(&text)
		f.line(&p.line)
	}
	if found := p.first(); lang.HasErrors(found) {
		return nil, found
	}
	f.endBlock()
	return f.out.Bytes(), nil
}

// formatter writes lines, those of a block when it ends. A block is a run of
// packets and expectations: their columns are aligned.
type formatter struct {
	out   bytes.Buffer
	block []row
	blank bool // an empty line came since the last one that is none
}

// row is a packet or an expectation.
type row struct {
	time    string
	body    string // single-spaced, without the verdict
	verdict string // `=> accept`; "" if there is none
	comment string
}

func (f *formatter) line(l *line) {
	switch comment := l.trailing(); {
	case l.count() == 0 && comment == "":
		f.endBlock()
		f.blank = true
	case l.count() == 0:
		f.endBlock()
		f.write(comment, "", 0)
	case l.word(0) == "policy" || l.word(0) == "start":
		f.endBlock()
		text := l.word(0) + " " + l.from(1)
		f.write(text, comment, width(text))
	default:
		f.block = append(f.block, newRow(l, comment))
	}
}

func newRow(l *line, comment string) row {
	r := row{time: l.word(0), comment: comment}
	end := l.count()
	if end > 2 && l.word(end-2) == "=>" {
		end -= 2
		r.verdict = "=> " + l.word(end+1)
	}
	words := make([]string, 0, 8)
	for i := 1; i < end; i++ {
		words = append(words, l.word(i))
	}
	r.body = strings.Join(words, " ")
	return r
}

// endBlock writes the rows of the block. Comments of lines next to each other
// stand in one column.
func (f *formatter) endBlock() {
	texts := align(f.block)
	column, end := 0, 0 // of the latest run of comments
	for i, r := range f.block {
		if r.comment != "" && i >= end {
			column = 0
			for end = i; end < len(texts) && f.block[end].comment != ""; end++ {
				column = max(column, width(texts[end]))
			}
		}
		f.write(texts[i], r.comment, column)
	}
	f.block = f.block[:0]
}

// align aligns the columns of a block's rows, except for the comments.
func align(rows []row) []string {
	timeWidth, packetWidth := minTime, minPacket
	for _, r := range rows {
		timeWidth = max(timeWidth, width(r.time))
		if r.verdict != "" {
			packetWidth = max(packetWidth, width(r.body))
		}
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = padded(r.time, timeWidth+columnGap) + r.body
		if r.verdict != "" {
			texts[i] = padded(texts[i], timeWidth+columnGap+packetWidth+columnGap) + r.verdict
		}
	}
	return texts
}

// write writes a line, after an empty one if there was one, and its comment after the
// given column.
func (f *formatter) write(text, comment string, column int) {
	if f.blank && f.out.Len() > 0 {
		f.out.WriteByte('\n')
	}
	f.blank = false
	if comment != "" {
		text = padded(text, column+commentGap) + comment
	}
	f.out.WriteString(text)
	f.out.WriteByte('\n')
}

// padded is the text with spaces after it, up to the column.
func padded(text string, column int) string {
	return text + strings.Repeat(" ", max(0, column-width(text)))
}

func width(text string) int { return utf8.RuneCountInString(text) }
