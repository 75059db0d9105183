package report_test

import (
	"io"
	"testing"

	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// TestRowsAllocateNothing: a row of the table, and an object of JSON, costs no memory,
// whatever the packet is.
func TestRowsAllocateNothing(t *testing.T) {
	tr, found := trace.Parse([]byte(`
		1.5s 192.0.2.7 -> 22
		+1s [2001:db8::1]:50000 -> udp/53 on wan0 unanswered => drop
		+1s 192.0.2.7 -> 1-9 every 1us null to 10.0.0.5
		+1s 192.0.2.7 -> 22 psh ack answered
		+1s 192.0.2.7 -> ping/3
		+1s expect ssh open for 192.0.2.7
		+1s expect ssh at 2 for 2001:db8::1
	`))
	if len(found) > 0 {
		t.Fatal(found)
	}
	opened := replay.Move{Knock: "web", Kind: replay.Opened, Until: sim.Never}
	moves := []replay.Move{{Knock: "ssh", Kind: replay.Stepped, Step: 1, Of: 2}, {Knock: "vpn", Kind: replay.SteppedClose, Step: 1, Of: 2}, opened}
	for name, r := range map[string]session.Reporter{
		"table": &report.Table{Out: io.Discard}, "JSON": &report.JSON{Out: io.Discard, Several: true},
	} {
		r.Begin(&session.Trace{Name: "a.trace", Events: func(yield func(*trace.Event) bool) {
			for i := 0; i < len(tr.Events) && yield(&tr.Events[i]); i++ {
			}
		}})
		for i := range tr.Events {
			e := &tr.Events[i]
			o := replay.Outcome{Event: e, At: e.At, DstPort: 9, Moves: moves, Got: replay.Verdict(trace.Pass)}
			if x := e.Expect; x != nil {
				o.Got, o.Moves = replay.State(x.State), nil
				if x.At != nil {
					o.Got = replay.Step(x.At.Step)
				}
				o.Want = o.Got
			}
			if n := testing.AllocsPerRun(100, func() { r.Outcome(o) }); n != 0 {
				t.Errorf("%s: %v allocations for line %d", name, n, e.Span.Start.Line)
			}
		}
	}
}
