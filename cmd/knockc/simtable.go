package main

import (
	"bufio"
	"fmt"
	"strings"
	"unicode/utf8"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/replay"
)

// tablePrinter shows outcomes to a person.
type tablePrinter struct {
	out    *bufio.Writer
	file   string
	color  bool
	quiet  bool
	titled bool // one of several traces
	first  bool
	widths widths

	failuresOnly bool // without a summary

	counts       replay.Counts
	depends      int // on the tick
	held, failed int
}

func (p *tablePrinter) begin(w widths) {
	if p.titled && !p.quiet {
		if !p.first {
			fmt.Fprintln(p.out)
		}
		fmt.Fprintf(p.out, "%s\n", p.file)
	}
	p.widths = w
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

// cells are a packet's time, source and destination; an expectation has only a
// time in its column.
func cells(e *trace.Event) [3]string {
	at := lang.FormatSeconds(e.At) + "s"
	if e.Packet == nil {
		return [3]string{at, "", ""}
	}
	destination := e.Packet.Destination()
	if e.Packet.On != nil {
		destination += " on " + lang.Printable(e.Packet.On.Text)
	}
	if e.Packet.Unanswered != nil {
		destination += " unanswered"
	}
	if e.Packet.Answered != nil {
		destination += " answered"
	}
	return [3]string{at, e.Packet.Source(), destination}
}

// singlePacket is one of the packets of an event.
func singlePacket(o replay.Outcome) *trace.Packet {
	single := *o.Event.Packet
	single.Range, single.DstPort = nil, o.DstPort
	return &single
}

func (p *tablePrinter) outcome(o replay.Outcome) {
	p.count(o)
	if !p.quiet {
		p.row(o)
	}
	if !o.OK() {
		fmt.Fprintf(p.out, "%s:%d: %s: %s\n", p.file, o.Event.Span.Start.Line, paint(p.color, boldRed, "FAIL"), failure(o))
		if o.Why != "" {
			fmt.Fprintf(p.out, "    %s\n", lang.Printable(o.Why))
		}
	}
}

func (p *tablePrinter) count(o replay.Outcome) {
	if o.Event.Packet != nil {
		p.countPacket(o.Got)
	}
	switch {
	case !o.OK():
		p.failed++
	case o.Want != "":
		p.held++
	}
}

func (p *tablePrinter) countPacket(got string) {
	switch got {
	case string(trace.Accept):
		p.counts.Accepted++
	case string(trace.Pass):
		p.counts.Passed++
	case string(trace.Drop):
		p.counts.Dropped++
	case string(trace.Reject):
		p.counts.Rejected++
	case replay.Depends:
		p.depends++
	}
}

func (p *tablePrinter) row(o replay.Outcome) {
	c := cells(o.Event)
	if o.Event.Packet != nil {
		c = cells(&trace.Event{At: o.At, Packet: singlePacket(o)})
	}
	verdict, moved := paint(p.color, verdictColors[o.Got], fmt.Sprintf("%-6s", o.Got)), moves(o.Moves)
	if moved == "" {
		verdict = paint(p.color, verdictColors[o.Got], o.Got)
	}
	row := fmt.Sprintf("%-*s  %-*s -> %-*s  %s  %s", p.widths[0], c[0], p.widths[1], c[1], p.widths[2], c[2], verdict, moved)
	if x := o.Event.Expect; x != nil {
		is := "is " + state(o, o.Got)
		if o.Got == replay.Depends {
			is = o.Got
		}
		row = fmt.Sprintf("%-*s  %s %s for %s", p.widths[0], c[0], x.Knock, is, x.Src)
	}
	fmt.Fprintln(p.out, strings.TrimRight(row, " "))
}

// failure says what was wanted and what came.
func failure(o replay.Outcome) string {
	if x := o.Event.Expect; x != nil {
		if o.Got == replay.Depends {
			return fmt.Sprintf("wanted %s %s for %s, that %s", x.Knock, state(o, o.Want), x.Src, o.Got)
		}
		return fmt.Sprintf("wanted %s %s for %s, it is %s", x.Knock, state(o, o.Want), x.Src, state(o, o.Got))
	}
	single := singlePacket(o)
	if o.Got == replay.Depends {
		return fmt.Sprintf("wanted %s for %s -> %s, that %s", o.Want, single.Source(), single.Destination(), o.Got)
	}
	return fmt.Sprintf("wanted %s for %s -> %s, got %s", o.Want, single.Source(), single.Destination(), o.Got)
}

// state is what is wanted or got of a knock.
func state(o replay.Outcome, text string) string {
	if o.Event.Expect.At != nil && text != replay.Depends {
		return "at " + text
	}
	return text
}

func moves(ms []replay.Move) string {
	var texts []string
	for _, m := range ms {
		texts = append(texts, m.Knock+" "+moved(m))
	}
	return strings.Join(texts, ", ")
}

func moved(m replay.Move) string {
	switch m.Kind {
	case replay.Closed:
		return "closed"
	case replay.Reset:
		return "reset"
	case replay.SteppedClose:
		return fmt.Sprintf("close %d/%d", m.Step, m.Of)
	case replay.Stepped:
		return fmt.Sprintf("%d/%d", m.Step, m.Of)
	case replay.Uncertain:
		return replay.Depends
	}
	if m.OpenUntil == sim.Never {
		return "open"
	}
	return fmt.Sprintf("open until %ss", lang.FormatSeconds(m.OpenUntil))
}

func (p *tablePrinter) end() {
	if p.failuresOnly {
		return
	}
	if !p.quiet {
		fmt.Fprintln(p.out)
	}
	if p.titled {
		fmt.Fprintf(p.out, "%s: ", p.file)
	}
	fmt.Fprintf(p.out, "%s: %s; %s: %d held, %d failed\n", plural(p.counts.Packets()+p.depends, "packet"), p.verdicts(),
		plural(p.held+p.failed, "expectation"), p.held, p.failed)
}

// verdicts says how many packets got each verdict. Those that many traces do not have are
// left out where there are none.
func (p *tablePrinter) verdicts() string {
	text := fmt.Sprintf("%d accepted", p.counts.Accepted)
	if p.counts.Passed > 0 {
		text += fmt.Sprintf(", %d passed", p.counts.Passed)
	}
	text += fmt.Sprintf(", %d dropped", p.counts.Dropped)
	if p.counts.Rejected > 0 {
		text += fmt.Sprintf(", %d rejected", p.counts.Rejected)
	}
	if p.depends > 0 {
		text += fmt.Sprintf(", %d depending on the tick", p.depends)
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
