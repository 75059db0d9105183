package spec

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/seeded"
)

// turns is how many packets a source sends in a round, to a first step and to a wrong port
// in turn: enough for several collections of the kernel, so that the ended elements which
// pile up between two of them are in the figures.
const turns = 20000

// resetGoals compares what a source costs that makes `reset` work, by beginning and going
// wrong in turn, with the same packets without a reset.
func resetGoals(b *testing.B) (goals []goal) {
	b.Helper()
	for _, knocks := range []int{1, 1000} {
		var times [2][]time.Duration
		for range 7 {
			for i, clause := range []string{"", "reset any"} {
				text := strings.ReplaceAll(seeded.Policy(knocks), ">\n", clause+" >\n")
				p, err := newPair("bench", text, nil)
				if err != nil {
					b.Fatal(err)
				}
				c := newCandidate(b, p.policy, script(b, p.result))
				times[i] = append(times[i], c.timed(b, c.turns())/turns)
			}
		}
		goals = append(goals, goal{
			work:     fmt.Sprintf("packet of a source that makes `reset any` work, knocks: %d", knocks),
			measured: ratio(times[1], times[0]), unit: "× without `reset`", figures: microseconds(times[1]) + ", " + microseconds(times[0]),
		})
	}
	return goals
}

// turns go to the first step of a knock and to a port that nothing names, in turn.
func (c *candidate) turns() iter.Seq[netns.Packet] {
	step := c.policy.Knocks[0].Steps[0].Port
	return func(yield func(netns.Packet) bool) {
		for i := range turns {
			p := netns.Packet{Src: numbered(100, 1), SrcPort: uint16(1024 + i), Proto: netns.TCP, DstPort: 39999, Flags: netns.SYN}
			if i%2 == 0 {
				p.DstPort = step
			}
			if !yield(p) {
				return
			}
		}
	}
}
