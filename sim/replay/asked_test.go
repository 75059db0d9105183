package replay_test

import (
	"net/netip"
	"testing"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// TestExplainForgetsOthers: of sources that no expectation asks about nothing is kept
// for explanations, however many packets they send; of the others, what they did.
func TestExplainForgetsOthers(t *testing.T) {
	const packets = 200_000
	result, events := compileBoth(t, []byte("knock ssh < 1000 2000 -> 22 within 1ms per /24 /48 >"), []byte(`
		0s 192.0.2.200 -> 1000
		1h expect ssh open for 192.0.2.7
		+0s 2001:db8::7:1 -> 22 => drop
	`))
	growth := func(explain bool) int64 {
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		if explain {
			player.Explain(askedBy(events))
		}
		player.Event(&events[0], func(replay.Outcome) {})
		before := heap()
		p := sim.Packet{Iface: trace.DefaultIface, SrcPort: 4000, Proto: lang.TCP, Flags: lang.SYN}
		for i := range packets {
			p.Time += time.Millisecond
			p.Src, p.DstPort = netip.AddrFrom4([4]byte{10, byte(i), byte(i >> 8), byte(i >> 16)}), [...]uint16{1000, 2000, 22}[i%3]
			player.Packet(&p)
		}
		grown := heap() - before
		player.Event(&events[1], func(o replay.Outcome) {
			want := "no grant for ssh: step 1 came at 0s, its deadline passed at 0.001s, step 2 (2000) never came"
			if explain && o.Why != want {
				t.Errorf("why: %s, want %s", o.Why, want)
			}
		})
		return grown
	}
	plain, explained := growth(false), growth(true)
	if more := explained - plain; more > packets {
		t.Errorf("to explain took %d bytes more for %d packets of others", more, packets)
	}
}

// TestExplainAllocatesNothing for the packets of a source that no expectation asks
// about.
func TestExplainAllocatesNothing(t *testing.T) {
	result, events := compileBoth(t, []byte("knock ssh < 1000 2000 -> 22 >"), []byte("0s expect ssh open for 192.0.2.7\n"))
	player, err := replay.New(result)
	if err != nil {
		t.Fatal(err)
	}
	player.Explain(askedBy(events))
	p := sim.Packet{Iface: trace.DefaultIface, Src: netip.MustParseAddr("10.0.0.1"), Proto: lang.TCP, Flags: lang.SYN, Alone: true}
	n := testing.AllocsPerRun(10_000, func() {
		p.Src = p.Src.Next()
		for _, p.DstPort = range []uint16{1000, 22, 2000} {
			player.Packet(&p)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for three packets", n)
	}
}

// askedBy are the sources of which events expect something.
func askedBy(events []trace.Event) replay.Asked {
	var a replay.Asked
	for i := range events {
		a.Add(&events[i])
	}
	return a
}
