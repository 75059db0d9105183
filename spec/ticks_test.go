package spec

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// TestDependsOnTheTick: what is not said to depend on the tick is the same in all phases
// of the clock, whenever sets are collected. What is said to depend on it does, for the
// most part.
func TestDependsOnTheTick(t *testing.T) {
	for _, test := range []struct {
		name  string
		draw  func(*rapid.T) *pair
		pairs int
		least int     // packets that depend on the tick
		most  float64 // percent of packets that are said to, and do not
	}{
		{"random", func(t *rapid.T) *pair { return drawPair(t, 1) }, 300, 50, 0.2},
		{"hasty", drawHasty, 200, 50, 1},
		{"boundary", drawBoundary, 60, 100, 0.5},
		{"small", drawSmall, 100, 100, 6},
		{"codes", drawEndingCodes, 600, 50, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var n ticked
			for seed := range test.pairs {
				p := rapid.Custom(test.draw).Example(seed)
				hz := []int{100, 250, 300, 1000}[seed%4]
				if err := n.compare(p, hz, rand.New(rand.NewPCG(uint64(seed), 7))); err != nil {
					t.Fatalf("seed %d, %d ticks a second: %s%s", seed, hz, p.name, err)
				}
			}
			many := 100 * float64(n.wrong) / float64(n.packets)
			t.Logf("%d packets in %d phases: %d are said to depend on the tick, %d do; %.2f%% do not that are said to", n.packets, n.phases, n.said, n.do, many)
			if n.do < test.least || many > test.most {
				t.Errorf("wanted at least %d, and %v%%", test.least, test.most)
			}
		})
	}
}

// drawHasty draws a pair whose deadlines are a few ticks away.
func drawHasty(t *rapid.T) *pair {
	p := drawPair(t, 1)
	for i := range p.events {
		p.events[i].At /= 10
	}
	text := strings.ReplaceAll(p.name, "00ms", "0ms")
	hasty, err := newPair(text, text, p.events)
	if err != nil {
		t.Fatal(err)
	}
	hasty.start = p.start
	return hasty
}

// ticked counts packets: those that are said to depend on the tick, those that do, and
// those of the first that do not.
type ticked struct{ packets, phases, said, do, wrong int }

// compare holds what is said of a pair against what happens in each phase.
func (n *ticked) compare(p *pair, hz int, r *rand.Rand) error {
	says, err := seen(p, sim.Clock{HZ: hz, Unknown: true})
	if err != nil {
		return err
	}
	var first []sight
	differ := make([]bool, len(says))
	for _, phase := range phasesOf(p.events, hz) {
		c := sim.Clock{HZ: hz, Phase: phase, Collect: time.Duration(r.Int64N(int64(time.Second)))}
		found, err := seen(p, c)
		if err != nil {
			return err
		}
		if first == nil {
			first = found
		}
		for i := range found {
			if err := says[i].check(found[i]); err != nil {
				return fmt.Errorf("%s\n%+v: %w", show(p.events[:i+1]), c, err)
			}
			differ[i] = differ[i] || found[i].packet != first[i].packet
		}
		n.phases++
	}
	for i := range says {
		said := strings.Contains(says[i].packet, replay.DependsOnTick)
		n.packets++
		n.said += count(said)
		n.do += count(differ[i])
		n.wrong += count(said && !differ[i])
	}
	return nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sight is what is seen of a packet, and where sources stand after it.
type sight struct {
	packet string
	parts  map[string]string // the same, what can depend on the tick each for itself
}

// check finds what is certain, and otherwise in a phase.
func (s sight) check(phase sight) error {
	for what := range s.parts {
		if got := phase.parts[what]; s.parts[what] != replay.DependsOnTick && s.parts[what] != got {
			return fmt.Errorf("%s %q is said to be %q", what, got, s.parts[what])
		}
	}
	for what, got := range phase.parts {
		if _, known := s.parts[what]; !known {
			return fmt.Errorf("%s %q is not said to be", what, got)
		}
	}
	return nil
}

// seen are the packets of a pair as a player with a clock sees them.
func seen(p *pair, c sim.Clock) ([]sight, error) {
	player, err := replay.NewTicking(p.result, c)
	if err != nil {
		return nil, err
	}
	player.StartAt(time.Unix(p.start, 0))
	var all []sight
	for i := range p.events {
		player.Event(&p.events[i], func(o replay.Outcome) {
			s := sight{parts: map[string]string{"verdict": o.Got.String()}}
			for _, m := range o.Moves {
				what := fmt.Sprint("move of ", m.Knock)
				if m.Kind == replay.Uncertain {
					s.parts[what] = replay.DependsOnTick
				} else {
					s.parts[what] += fmt.Sprint(m.Kind, m.Step, " ")
				}
			}
			s.packet = fmt.Sprint(s.parts) // in order
			for _, at := range player.Standings(o.At) {
				what := fmt.Sprint(at.Source, at.Knock, at.Role)
				s.parts[what] = fmt.Sprint(at.Step)
				if at.Depends {
					s.parts[what] = replay.DependsOnTick
				}
			}
			all = append(all, s)
		})
	}
	return all, nil
}

// phasesOf are all phases that differ for some events: with each, a tick begins with one
// of them.
func phasesOf(events []trace.Event, hz int) []int64 {
	const tick = 1_000_000_000
	phases := []int64{0}
	for _, e := range events {
		hi, lo := bits.Mul64(uint64(e.At), uint64(hz))
		phases = append(phases, int64(tick-bits.Rem64(hi, lo, tick))%tick)
	}
	slices.Sort(phases)
	return slices.Compact(phases)
}
