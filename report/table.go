package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
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

func (t *Table) row(o replay.Outcome) {
	c := cells(o.Event)
	if o.Event.Packet != nil {
		c = cells(&trace.Event{At: o.At, Packet: singlePacket(o)})
	}
	moved, got := moves(o.Moves), o.Got.String()
	if moved != "" {
		got = fmt.Sprintf("%-6s", got)
	}
	verdict := verdictColors[o.Got.Verdict].Paint(t.Color, got)
	row := fmt.Sprintf("%-*s  %-*s -> %-*s  %s  %s", t.widths[0], c[0], t.widths[1], c[1], t.widths[2], c[2], verdict, moved)
	if x := o.Event.Expect; x != nil {
		is := "is " + state(o.Got)
		if o.Got.Depends {
			is = o.Got.String()
		}
		row = fmt.Sprintf("%-*s  %s %s for %s", t.widths[0], c[0], x.Knock, is, x.Src)
	}
	fmt.Fprintln(t.Out, strings.TrimRight(row, " "))
}

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
	fmt.Fprintf(t.Out, "%s: %s; %s: %d held, %d failed\n", Count(t.counts.packets(), "packet"), t.verdicts(),
		Count(r.Held+r.Failed, "expectation"), r.Held, r.Failed)
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
	return fmt.Sprintf("%s: %s: %d passed, %d failed; %s: %d held, %d failed", verdict,
		Count(s.Passed+s.Failed, "trace"), s.Passed, s.Failed,
		Count(s.Held+s.Broken, "expectation"), s.Held, s.Broken)
}

// widths are those of the columns time, source and destination.
type widths [3]int

// fit makes room for an event.
func (w *widths) fit(e *trace.Event) {
	if e.Packet != nil && e.Packet.Range != nil { // its last row is the widest
		e = &trace.Event{At: e.Last(), Packet: singlePacket(replay.Outcome{Event: e, DstPort: e.Packet.Range.Last})}
	}
	for column, text := range cells(e) {
		w[column] = max(w[column], utf8.RuneCountInString(text))
	}
}
