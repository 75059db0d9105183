package report

import (
	"fmt"
	"io"
	"net/netip"
	"time"

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
	Rules   bool // of what no packet met, rules are listed too
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
	At:     1000*time.Second - time.Microsecond,
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
		for i := range o.Expired {
			t.expired(&o.Expired[i])
		}
		t.row(o)
	}
	if !o.OK() {
		writeLine(t.Out, "%s:%d: %s: %s", t.file, o.Event.Span.Start.Line, lang.BoldRed.Paint(t.Color, "FAIL"), Failure(o))
		if o.Why != "" {
			writeLine(t.Out, "    %s", lang.Printable(o.Why))
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
		writeLine(t.Out, "%s", r.Stats)
	}
	for _, s := range r.States {
		writeState(t.Out, r.Name, s)
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
	title := ""
	if t.Several {
		title = t.file + ": "
	}
	writeLine(t.Out, "%s%s: %s; %s", title, Count(t.counts.packets(), "packet"), t.verdicts(), expectations(r))
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
		writeLine(t.Out, "%s", total(s, t.Color))
	}
	writeTop(t.Out, "", s.Top, t.Top)
	writeCovers(t.Out, "", t.Color, t.Rules, s)
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
