package report

import (
	"bytes"
	"unicode/utf8"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// row prints the row of an outcome. It is made in place: there are as many as packets.
func (t *Table) row(o replay.Outcome) {
	b := t.line[:0]
	if x := o.Event.Expect; x != nil {
		b = append(t.appendColumn(b, timeColumn, o), "  "...)
		b = append(append(b, x.Knock...), ' ')
		if !o.Got.Depends {
			b = append(b, "is "...)
		}
		b = append(appendState(b, o.Got), " for "...)
		b = x.Src.AppendTo(b)
	} else {
		b = t.appendColumn(b, timeColumn, o)
		b = t.appendColumn(append(b, "  "...), sourceColumn, o)
		b = t.appendColumn(append(b, " -> "...), destinationColumn, o)
		b = t.appendVerdict(append(b, "  "...), o)
	}
	t.write(b)
}

// expired prints a row for what time has undone. It has no packet and no verdict, and their
// place is left out if it would make the row too wide.
func (t *Table) expired(x *replay.Expiry) {
	var room [64]byte
	what := appendExpired(room[:0], x.Symbol)
	b := append(lang.AppendSeconds(t.line[:0], x.At), 's')
	b = append(t.pad(b, 0, timeColumn), "  "...)
	b = appendSource(b, x.Source)
	moves := t.widths[timeColumn] + len("  ") + t.widths[sourceColumn] + len(" -> ") + t.widths[destinationColumn] + len("  ") + len(spaces)
	if moves+len("  ")+len(what) <= LineWidth {
		b = appendSpaces(b, moves-len(b))
	}
	t.write(append(append(b, "  "...), what...))
}

// write writes a row, which is kept to be made in place next time.
func (t *Table) write(row []byte) {
	t.line = append(bytes.TrimRight(row, " "), '\n')
	t.Out.Write(t.line)
}

// appendColumn appends a column of a row, as wide as it is in all rows.
func (t *Table) appendColumn(b []byte, c column, o replay.Outcome) []byte {
	begin := len(b)
	b = appendColumn(b, c, o.Event, o.At, o.DstPort)
	return t.pad(b, begin, c)
}

// pad makes a column that begins there as wide as it is in all rows.
func (t *Table) pad(b []byte, begin int, c column) []byte {
	return appendSpaces(b, t.widths[c]-utf8.RuneCount(b[begin:]))
}

func appendSpaces(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

// spaces are as many as the widest verdict has letters.
const spaces = "      "

// appendVerdict appends what came of a packet, and what it moved.
func (t *Table) appendVerdict(b []byte, o replay.Outcome) []byte {
	width := utf8.RuneCount(b) + len(spaces)
	got, after := o.Got.String(), ""
	if len(o.Moves) > 0 {
		after = spaces[min(len(got), len(spaces)):]
	}
	if t.Color {
		b = append(b, verdictColors[o.Got.Verdict].Paint(true, got+after)...)
	} else {
		b = append(append(b, got...), after...)
	}
	return t.appendMoves(b, width, o.Moves)
}

// appendMoves appends what a packet moved to a row that is as wide as given. A move that
// would make a line too wide goes below the others, or below the source.
func (t *Table) appendMoves(b []byte, width int, moves []replay.Move) []byte {
	var room [64]byte
	column := width + len("  ")
	for i, m := range moves {
		what := append(append(room[:0], m.Knock...), ' ')
		what = appendMoved(what, m)
		gap := 2
		if i > 0 {
			b, width, gap = append(b, ','), width+1, 1
		}
		if width+gap+len(what) > LineWidth {
			b = append(bytes.TrimRight(b, " "), '\n')
			if i == 0 || column+len(what) > LineWidth {
				column = t.widths[timeColumn] + len("  ")
			}
			width, gap = 0, column
		}
		b = append(appendSpaces(b, gap), what...)
		width += gap + len(what)
	}
	return b
}

// column is one of the columns before the verdict.
type column int

const (
	timeColumn column = iota
	sourceColumn
	destinationColumn
)

// widths are those of the columns, in characters.
type widths [3]int

// fit makes room for an event.
func (w *widths) fit(e *trace.Event) {
	var room [128]byte
	at, port := e.At, uint16(0)
	switch k := e.Packet; {
	case k == nil:
	case k.Range != nil: // its last row is the widest
		at, port = e.Last(), k.Range.Last
	default:
		port = k.DstPort
	}
	for c := range w {
		text := appendColumn(room[:0], column(c), e, at, port)
		w[c] = max(w[c], utf8.RuneCount(text))
	}
}
