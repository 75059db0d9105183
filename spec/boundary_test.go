package spec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// tick is one of the kernel's that the tests run on.
func tick() time.Duration { return time.Second / time.Duration(netns.HZ()) }

// drawBoundary draws a pair whose durations are no whole ticks and whose packets come
// within three ticks of their deadlines.
func drawBoundary(t *rapid.T) *pair {
	odd := func(what string) time.Duration {
		return time.Duration(rapid.IntRange(41, 160).Draw(t, what)) * time.Millisecond
	}
	within, grant, total := odd("within"), odd("grant"), odd("total")+odd("total")
	text := fmt.Sprintf("knock a < 1001 1002 1003 -> 2001 within %v grant %v", within, grant)
	if oneIn(t, 2, "total?") {
		text += fmt.Sprintf(" total %v", total)
	}
	text += rapid.SampledFrom([]string{"", "", " reset any", " once", " reset known revoke close 1004 1005"}).Draw(t, "clauses") + " >"

	var events []trace.Event
	for number := range tracesEach {
		from := sender{src: (&traceDrawer{number: number}).source(t)}
		var now time.Duration
		send := func(deadline time.Duration, port uint16) {
			now += max(0, deadline+time.Duration(rapid.Float64Range(-3, 3).Draw(t, "ticks")*float64(tick())))
			p := from.packet(0, port)
			p.On = nil
			events = append(events, trace.Event{At: now, Packet: &p})
		}
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			send(0, 1001)
			if oneIn(t, 3, "again") {
				send(within, 1001)
			}
			send(within, 1002)
			send(rapid.SampledFrom([]time.Duration{0, within, total - within}).Draw(t, "gap"), 1003)
			send(rapid.SampledFrom([]time.Duration{0, grant}).Draw(t, "visit"), 2001)
			send(grant, 2001)
			send(0, rapid.SampledFrom([]uint16{1003, 1004, 1005, 80}).Draw(t, "port"))
			send(0, 2001)
		}
	}
	slices.SortStableFunc(events, func(a, b trace.Event) int { return int(a.At - b.At) })
	p, err := newPair(text, text, events)
	if err != nil {
		t.Fatal(err)
	}
	p.traceOf = traceOf
	return p
}

// TestBoundariesOnKernel holds the simulator with a clock that ticks against the
// kernel, where it matters: around deadlines. Packets between whose readings of the
// jiffies a tick fell are left out, and all after them in their trace.
func TestBoundariesOnKernel(t *testing.T) {
	const traces = 1000
	var pairs []*pair
	for seed := range traces / tracesEach {
		pairs = append(pairs, rapid.Custom(drawBoundary).Example(seed))
	}
	packets, accepted, leftOut, disagreements := 0, 0, 0, 0
	for _, o := range onKernel(t, pairs) {
		player, err := replay.NewTicking(o.pair.result, sim.Clock{HZ: int(netns.HZ())})
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.events {
			says := ""
			player.Event(&o.events[i], func(o replay.Outcome) { says = o.Got.String() })
			if !o.sure[i] {
				leftOut++
				continue
			}
			packets++
			if says == string(trace.Accept) {
				accepted++
			}
			if visible(says, o.events[i].Packet) != o.says[i] {
				disagreements++
				t.Errorf("%s: %s\nkernel %s, simulator %s", o.pair.name, show(o.events[:i+1]), o.says[i], says)
				break
			}
		}
	}
	t.Logf("%d traces, %d packets near deadlines, %d of them accepted, %d left out near a tick, %d disagreements",
		traces, packets, accepted, leftOut, disagreements)
	if packets < 2000 || accepted < 200 {
		t.Error("too few packets to tell")
	}
}
