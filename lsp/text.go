package lsp

import (
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/knockc/lang"
)

// text is the content of a document. It never changes: an edit makes another.
type text struct {
	src   string
	lines []int // where each line begins
}

// newText finds the lines of a text. They end with \n, \r\n or \r.
func newText(src string) *text {
	t := &text{src, append(make([]int, 0, 1+strings.Count(src, "\n")), 0)}
	for begin, rest := 0, src; rest != ""; {
		line, after, ends := strings.Cut(rest, "\n")
		if ends {
			line = strings.TrimSuffix(line, "\r")
		}
		for at, r := 0, strings.IndexByte(line, '\r'); r >= 0; r = strings.IndexByte(line[at:], '\r') {
			at += r + 1
			t.lines = append(t.lines, begin+at)
		}
		if begin += len(rest) - len(after); ends {
			t.lines = append(t.lines, begin)
		}
		rest = after
	}
	return t
}

// line is a line without its end; "" for one that the text does not have.
func (t *text) line(n int) string {
	if n < 0 || n >= len(t.lines) {
		return ""
	}
	end := len(t.src)
	if n+1 < len(t.lines) {
		end = t.lines[n+1]
	}
	return strings.TrimRight(t.src[t.lines[n]:end], "\r\n")
}

// offset returns where a position is, in bytes. A position past the end of its line stands
// for that end, and a line past the last one for the end of the text.
func (t *text) offset(p position) int {
	switch {
	case p.Line < 0:
		return 0
	case p.Line >= len(t.lines):
		return len(t.src)
	}
	at, units := t.lines[p.Line], 0
	for _, r := range t.line(p.Line) {
		if units += utf16.RuneLen(r); units > p.Character {
			break
		}
		at += utf8.RuneLen(r)
	}
	return at
}

// position is that of an offset.
func (t *text) position(offset int) position {
	offset = min(max(offset, 0), len(t.src))
	line := sort.SearchInts(t.lines, offset+1) - 1
	units := 0
	for _, r := range t.src[t.lines[line]:offset] {
		units += utf16.RuneLen(r)
	}
	return position{line, units}
}

// rangeOf is where a span is.
func (t *text) rangeOf(s lang.Span) textRange {
	return textRange{t.position(s.Start.Offset), t.position(s.End.Offset)}
}

// lineRange is all of a line, without its end.
func (t *text) lineRange(n int) textRange {
	return textRange{position{n, 0}, t.position(t.lines[min(n, len(t.lines)-1)] + len(t.line(n)))}
}

// changed is the text after some changes, one after the other.
func (t *text) changed(changes []change) *text {
	if upwards(changes) {
		return t.spliced(changes)
	}
	for _, c := range changes {
		if c.Range == nil {
			t = newText(c.Text)
			continue
		}
		start := t.offset(c.Range.Start)
		end := max(start, t.offset(c.Range.End))
		t = newText(t.src[:start] + c.Text + t.src[end:])
	}
	return t
}

// upwards reports whether each change ends before the one before it begins, as when an
// editor replaces all. Then all positions are those of the text before.
func upwards(changes []change) bool {
	for i, c := range changes {
		if c.Range == nil || compare(c.Range.Start, c.Range.End) > 0 || i > 0 && compare(c.Range.End, changes[i-1].Range.Start) > 0 {
			return false
		}
	}
	return len(changes) > 1
}

// spliced is the text after changes that go upwards, all at once.
func (t *text) spliced(changes []change) *text {
	var b strings.Builder
	at := 0
	for i := len(changes) - 1; i >= 0; i-- {
		start := max(at, t.offset(changes[i].Range.Start))
		b.WriteString(t.src[at:start])
		b.WriteString(changes[i].Text)
		at = max(start, t.offset(changes[i].Range.End))
	}
	b.WriteString(t.src[at:])
	return newText(b.String())
}

// edits are what makes another text of this one: one edit, of the lines that differ.
func (t *text) edits(after string) []textEdit {
	if t.src == after {
		return []textEdit{}
	}
	begin := 0
	for n := 1; n < len(t.lines) && strings.HasPrefix(after, t.src[:t.lines[n]]); n++ {
		begin = t.lines[n]
	}
	end := len(t.src)
	for n := len(t.lines) - 1; n > 0 && t.lines[n] >= begin; n-- {
		rest := t.src[t.lines[n]:]
		if len(after)-len(rest) < begin || !strings.HasSuffix(after, rest) {
			break
		}
		end = t.lines[n]
	}
	return []textEdit{{textRange{t.position(begin), t.position(end)}, after[begin : len(after)-(len(t.src)-end)]}}
}
