package timeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
	"example.org/knockc/timeline"
)

// collect replays a trace, and lets others see it too.
func collect(t testing.TB, policy, traceText string, others ...session.Reporter) *timeline.Trace {
	t.Helper()
	files := map[string]string{"p.knock": policy, "a.trace": traceText}
	c := &timeline.Collector{}
	o := session.Options{Policy: "p.knock", Expiries: true, Cover: true, Open: func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(files[name])), nil
	}}
	summary, err := session.Run([]string{"a.trace"}, o, all{c, others})
	if err != nil || len(summary.Errs) > 0 {
		t.Fatal(err, summary.Errs)
	}
	return c.Report.Traces[0]
}

// all are a collector and others.
type all struct {
	*timeline.Collector
	others []session.Reporter
}

func (a all) Outcome(o replay.Outcome) {
	a.Collector.Outcome(o)
	for _, r := range a.others {
		r.Outcome(o)
	}
}

const policy = "knock ssh < 1001 1002 1003 -> 22 within 5s grant 10s reset any close 2001 2002 >\n"

// TestBars: progress and doors are bars that end when time or a packet ends them.
func TestBars(t *testing.T) {
	tr := collect(t, policy, `
0s      192.0.2.7 -> 1001
+1s     192.0.2.7 -> 1002
10s     192.0.2.7 -> 1001
+1s     192.0.2.7 -> 80
+1s     192.0.2.7 -> 1001
+1s     192.0.2.7 -> 1002
+1s     192.0.2.7 -> 1003
+1s     192.0.2.7 -> 2001
+1s     192.0.2.7 -> 2002
`)
	var got []string
	for _, b := range tr.Lanes[0].Knocks[0].Bars {
		got = append(got, fmt.Sprintf("%s %d %v-%v %s", b.Kind, b.Step, b.From, b.To, b.Why))
	}
	want := "step 1 0-1 next step; step 2 1-6 expired; step 1 10-11 reset; step 1 12-13 next step; step 2 13-14 opened; " +
		"open 0 14-16 closed; close 1 15-16 closed"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("bars\n%s\nwant\n%s", text, want)
	}
	if tr.End != 16 || tr.Counts.Packets() != 9 {
		t.Errorf("ends at %v, %d packets", tr.End, tr.Counts.Packets())
	}
}

// TestBandOfQuickStart: the door that a trace opens at last is drawn to its end.
func TestBandOfQuickStart(t *testing.T) {
	tr := collect(t, policy, "2s 192.0.2.7 -> 1001\n3s 192.0.2.7 -> 1002\n4s 192.0.2.7 -> 1003\n")
	bars := tr.Lanes[0].Knocks[0].Bars
	if last := bars[len(bars)-1]; last.Kind != timeline.KindOpen || last.From != 4 || last.To != 14 || tr.End != 14 {
		t.Errorf("%+v, ends at %v", last, tr.End)
	}
}

// TestBandsOnRandomTraces: at any time between two packets, a band is drawn if and only if
// the door is open.
func TestBandsOnRandomTraces(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 9))
		var b strings.Builder
		for range 80 {
			fmt.Fprintf(&b, "+%dms 192.0.2.%d -> %d\n", 1+r.IntN(1500), 7+r.IntN(2), []int{1001, 1002, 1003, 2001, 2002, 22, 80}[r.IntN(7)])
			fmt.Fprintf(&b, "+0s expect ssh open for 192.0.2.%d\n", 7+r.IntN(2))
		}
		w := &witness{}
		tr := collect(t, strings.Replace(policy, "reset any", []string{"", "once", "reset known revoke"}[r.IntN(3)], 1), b.String(), w)
		for _, s := range w.seen {
			drawn := false
			for _, l := range tr.Lanes {
				for _, k := range l.Knocks {
					for _, b := range k.Bars {
						drawn = drawn || l.Source == s.source && b.Kind == timeline.KindOpen && float64(b.From) <= s.at && s.at < float64(b.To)
					}
				}
			}
			if drawn != s.open {
				t.Errorf("seed %d: the door is open for %s at %v: %v, drawn: %v", seed, s.source, s.at, s.open, drawn)
			}
		}
	}
}

// witness notes where doors are open.
type witness struct {
	session.Reporter
	seen []struct {
		source string
		at     float64
		open   bool
	}
}

func (w *witness) Outcome(o replay.Outcome) {
	if x := o.Event.Expect; x != nil {
		w.seen = append(w.seen, struct {
			source string
			at     float64
			open   bool
		}{x.Src.String(), o.At.Seconds(), o.Got == replay.State(trace.Open)})
	}
}

// TestHugeReplay: the page of a million packets of many sources is small.
func TestHugeReplay(t *testing.T) {
	c := &timeline.Collector{}
	c.Begin(&session.Trace{Name: "huge.trace"})
	parsed, _ := trace.Parse([]byte("0s 192.0.2.7 -> 22\n"))
	e := &parsed.Events[0]
	for i := range 1_000_000 {
		a := e.Packet.Src.As4()
		a[1], a[2], a[3] = byte(i%7), byte(i%251), byte(i%241)
		p := *e.Packet
		p.Src = e.Packet.Src
		if i%3 > 0 {
			p.Src = netip.AddrFrom4(a)
		}
		o := replay.Outcome{Event: &trace.Event{Packet: &p, Span: e.Span}, At: time.Duration(i) * time.Millisecond, DstPort: 22, Got: replay.Ruled(compiler.Drop)}
		if i%1000 == 0 {
			o.Moves = []replay.Move{{Knock: "ssh", Kind: replay.Stepped, Step: 1, Of: 3, Until: o.At + 5*time.Second}}
		}
		c.Outcome(o)
	}
	c.End(&session.Result{Name: "huge.trace"})
	c.Close(&session.Summary{})
	var b bytes.Buffer
	if err := c.Report.WriteHTML(&b, "huge"); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KB", b.Len()>>10)
	if b.Len() > 2<<20 {
		t.Errorf("the page has %d bytes", b.Len())
	}
	if n := c.Report.Traces[0].Counts.Packets(); n != 1_000_000 {
		t.Errorf("%d packets", n)
	}
	if _, err := json.Marshal(c.Report); err != nil {
		t.Error(err)
	}
}

// TestFailedPacketIsFlagged: a packet with another verdict than the wanted one is marked, as
// a failed expectation is.
func TestFailedPacketIsFlagged(t *testing.T) {
	tr := collect(t, policy, "0s 192.0.2.7 -> 22 => accept\n+1s 192.0.2.7 -> 22 => drop\n")
	if flags := tr.Lanes[0].Flags; len(flags) != 1 || flags[0].OK || flags[0].Line != 1 {
		t.Errorf("%+v", flags)
	}
}
