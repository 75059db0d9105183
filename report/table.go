package report

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"time"
	"unicode/utf8"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// Table prints outcomes for people: a row for each, the reasons of failures, and a
// summary.
type Table struct {
	Out     io.Writer
	Color   bool
	Several bool // traces: each has a title
	Quiet   bool // only failures, no other rows
	State   bool // only failures, no other rows and no summaries
	Top     int  // how many sources of each list are shown

	begun  int  // traces
	began  bool // the last of them, and it has not ended
	file   string
	widths widths
	line   []byte // of the latest row
	counts counts
}

// counts are how many packets got each verdict.
type counts struct{ accepted, passed, dropped, rejected, depends int }

func (c counts) packets() int { return c.accepted + c.passed + c.dropped + c.rejected + c.depends }

// rows reports whether each outcome has a row.
func (t *Table) rows() bool { return !t.Quiet && !t.State }

func (t *Table) Begin(b *session.Trace) {
	t.file, t.counts = lang.Printable(b.Name), counts{}
	if t.Several && t.rows() {
		t.between()
		fmt.Fprintf(t.Out, "%s\n", t.file)
	}
	t.began = true
	if t.rows() {
		t.widths = widthsOf(b)
	}
}

// between writes an empty line between two traces.
func (t *Table) between() {
	if t.begun > 0 {
		fmt.Fprintln(t.Out)
	}
	t.begun++
}

// widthsOf makes room for all events of a trace, or for most packets of a capture.
func widthsOf(b *session.Trace) (w widths) {
	if !b.Capture {
		for e := range b.Events {
			w.fit(e)
		}
		return w
	}
	w.fit(wideEvent)
	if b.Forwards {
		w.fit(wideForwarded)
	}
	return w
}

// wideEvent is a packet of a capture whose row is as wide as that of most.
var wideEvent = &trace.Event{
	At:     1000*time.Second - 1,
	Packet: &trace.Packet{Src: netip.AddrFrom4([4]byte{198, 51, 100, 100}), SrcPort: 50000, DstPort: 50000, Flags: lang.PSH | lang.ACK},
}

// wideForwarded is one that goes on to another host.
var wideForwarded = func() *trace.Event {
	e, k := *wideEvent, *wideEvent.Packet
	k.To = &trace.To{Addr: k.Src}
	e.Packet = &k
	return &e
}()

func (t *Table) Outcome(o replay.Outcome) {
	if o.Event.Packet != nil {
		t.count(o.Got)
	}
	if t.rows() {
		t.row(o)
	}
	if !o.OK() {
		fmt.Fprintf(t.Out, "%s:%d: %s: %s\n", t.file, o.Event.Span.Start.Line, lang.BoldRed.Paint(t.Color, "FAIL"), failure(o))
		if o.Why != "" {
			fmt.Fprintf(t.Out, "    %s\n", lang.Printable(o.Why))
		}
	}
}

func (t *Table) count(r replay.Result) {
	switch {
	case r.Depends:
		t.counts.depends++
	case r.Verdict == trace.Accept:
		t.counts.accepted++
	case r.Verdict == trace.Pass:
		t.counts.passed++
	case r.Verdict == trace.Drop:
		t.counts.dropped++
	case r.Verdict == trace.Reject:
		t.counts.rejected++
	}
}

// verdictColors are the colours of verdicts.
var verdictColors = map[trace.Verdict]lang.Color{
	trace.Accept: lang.Green, trace.Pass: lang.Cyan, trace.Drop: lang.Red, trace.Reject: lang.Yellow,
}

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
	t.line = append(bytes.TrimRight(b, " "), '\n')
	t.Out.Write(t.line)
}

// appendColumn appends a column of a row, as wide as it is in all rows.
func (t *Table) appendColumn(b []byte, c column, o replay.Outcome) []byte {
	begin := len(b)
	b = appendColumn(b, c, o.Event, o.At, o.DstPort)
	for n := utf8.RuneCount(b[begin:]); n < t.widths[c]; n++ {
		b = append(b, ' ')
	}
	return b
}

// appendVerdict appends what came of a packet, and what it moved.
func (t *Table) appendVerdict(b []byte, o replay.Outcome) []byte {
	got, after := o.Got.String(), ""
	if len(o.Moves) > 0 {
		after = spaces[min(len(got), len(spaces)):]
	}
	if t.Color {
		got, after = verdictColors[o.Got.Verdict].Paint(true, got+after), ""
	}
	b = append(append(b, got...), after...)
	for i, m := range o.Moves {
		if i == 0 {
			b = append(b, "  "...)
		} else {
			b = append(b, ", "...)
		}
		b = append(append(b, m.Knock...), ' ')
		b = appendMoved(b, m)
	}
	return b
}

// spaces are as many as the widest verdict has letters.
const spaces = "      "

func (t *Table) End(r *session.Result) {
	if !t.began {
		t.failed(r.Name)
		return
	}
	t.began = false
	if !t.State {
		t.summary(r)
	}
	if r.Stats != nil && !t.State {
		fmt.Fprintln(t.Out, r.Stats)
	}
	if r.State != nil {
		writeStandings(t.Out, r)
	}
}

// failed names a trace that has no rows, and so no title.
func (t *Table) failed(name string) {
	if !t.Several {
		return
	}
	if t.rows() {
		t.between()
	}
	fmt.Fprintf(t.Out, "%s: cannot be replayed\n", lang.Printable(name))
}

// summary says what came of a trace.
func (t *Table) summary(r *session.Result) {
	if !t.Quiet {
		fmt.Fprintln(t.Out)
	}
	if t.Several {
		fmt.Fprintf(t.Out, "%s: ", t.file)
	}
	fmt.Fprintf(t.Out, "%s: %s; %s\n", Count(t.counts.packets(), "packet"), t.verdicts(), expectations(r))
}

// expectations says what came of those of a trace.
func expectations(r *session.Result) string {
	if r.TestsNothing() {
		return "no expectation, so nothing is tested"
	}
	return fmt.Sprintf("%s: %d held, %d failed", Count(r.Held+r.Failed, "expectation"), r.Held, r.Failed)
}

// verdicts says how many packets got each verdict. Those that many traces do not have are
// left out where there are none.
func (t *Table) verdicts() string {
	text := fmt.Sprintf("%d accepted", t.counts.accepted)
	if t.counts.passed > 0 {
		text += fmt.Sprintf(", %d passed", t.counts.passed)
	}
	text += fmt.Sprintf(", %d dropped", t.counts.dropped)
	if t.counts.rejected > 0 {
		text += fmt.Sprintf(", %d rejected", t.counts.rejected)
	}
	if t.counts.depends > 0 {
		text += fmt.Sprintf(", %d depending on the tick", t.counts.depends)
	}
	return text
}

func (t *Table) Close(s *session.Summary) {
	if t.Several && !t.State {
		if !t.Quiet {
			fmt.Fprintln(t.Out)
		}
		fmt.Fprintln(t.Out, total(s, t.Color))
	}
	writeTop(t.Out, "", s.Top, t.Top)
	writeCovers(t.Out, "", t.Color, s)
}

// total is the summary of all traces, as a test runner has it.
func total(s *session.Summary, color bool) string {
	verdict := lang.Green.Paint(color, "PASS")
	if s.Failed > 0 {
		verdict = lang.BoldRed.Paint(color, "FAIL")
	}
	text := fmt.Sprintf("%s: %s: %d passed, %d failed; %s: %d held, %d failed", verdict,
		Count(s.Passed+s.Failed, "trace"), s.Passed, s.Failed,
		Count(s.Held+s.Broken, "expectation"), s.Held, s.Broken)
	if s.Untested > 0 {
		text += fmt.Sprintf("; %s without an expectation", Count(s.Untested, "trace"))
	}
	return text
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
