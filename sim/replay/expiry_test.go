package replay_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// TestFollowing: whoever follows what packets move and what time undoes knows at each time
// where the sources are, except for progress beside an open door.
func TestFollowing(t *testing.T) {
	undone := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 6))
		policy := anyPolicy(r)
		result, events := compileBoth(t, []byte(policy), []byte(anyTrace(r)))
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		player.NoteExpiries()
		f := follower{}
		for i := range events {
			player.Event(&events[i], func(o replay.Outcome) {
				for _, x := range o.Expired {
					if !f.expired(x) {
						t.Errorf("seed %d: %s\ntime undoes what was not there: %+v", seed, policy, x)
					}
					undone++
				}
				if o.Event.Packet != nil {
					f.moved(o.Event.Packet.Src.String(), o.Moves, strings.Contains(policy, "revoke"))
				}
				for _, s := range player.Standings(o.At) {
					if got := f[s.Source.Addr().String()+s.Knock]; s.Role == compiler.Grant && got.until != s.Until || s.Role == compiler.Opening && !got.blind && got.step != s.Step {
						t.Errorf("seed %d: %s\n%s stands there at %v: %+v, followed: %+v", seed, policy, s.Source, o.At, s, got)
					}
				}
				open := 0
				for _, at := range f {
					if at.until != 0 {
						open++
					}
				}
				if n := grants(player.Standings(o.At)); n != open {
					t.Errorf("seed %d: %s\n%d doors are open at %v, followed: %d", seed, policy, n, o.At, open)
				}
			})
		}
	}
	if undone < 1000 {
		t.Errorf("time has undone only %d", undone)
	}
}

func grants(all []replay.Standing) (n int) {
	for _, s := range all {
		if s.Role == compiler.Grant {
			n++
		}
	}
	return n
}

// follower knows where sources are, by source and knock, from what happens to them.
type follower map[string]struct {
	step  int
	blind bool          // a door was open, and what happens to progress beside it is not told
	until time.Duration // of the open door; 0: it is closed
}

// expired is false if there was nothing that could expire.
func (f follower) expired(x replay.Expiry) bool {
	at, could := f[x.Source.Addr().String()+x.Knock], true
	switch x.Role {
	case compiler.Grant:
		could, at.until = at.until == x.At, 0
	case compiler.Opening:
		could, at.step, at.blind = at.blind || at.step > x.Step, x.Step, false
	}
	f[x.Source.Addr().String()+x.Knock] = at
	return could
}

func (f follower) moved(src string, moves []replay.Move, revokes bool) {
	for _, m := range moves {
		at := f[src+m.Knock]
		switch m.Kind {
		case replay.Opened:
			at.until, at.blind = m.Until, true
		case replay.Reset:
			at.step, at.blind = 0, false
		case replay.Closed:
			at.until = 0
			if revokes { // that ends progress too
				at.step, at.blind = 0, false
			}
		case replay.Stepped:
			at.step = max(at.step, m.Step)
		}
		f[src+m.Knock] = at
	}
}

// TestExpiriesCostWhatLives: a source that renews its progress again and again has one
// deadline to wait for.
func TestExpiriesCostWhatLives(t *testing.T) {
	result, _ := compileBoth(t, []byte("knock ssh < 1001 1002 -> 22 >"), nil)
	player, err := replay.New(result)
	if err != nil {
		t.Fatal(err)
	}
	player.NoteExpiries()
	p := sim.Packet{Iface: trace.DefaultIface, Src: netip.MustParseAddr("192.0.2.7"), Proto: lang.TCP, DstPort: 1001, Flags: lang.SYN, Alone: true}
	step := func() {
		p.Time += time.Millisecond
		player.Expired(p.Time)
		player.Packet(&p)
	}
	for range 10_000 {
		step()
	}
	if n := testing.AllocsPerRun(20_000, step); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
	if got := fmt.Sprint(player.Expired(p.Time + time.Hour)); got == "[]" {
		t.Error("nothing has expired")
	}
}
