package spec

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
	"example.org/knockc/internal/seeded"
)

// turns is how many packets a source sends in a round, to a first step and to a wrong port
// in turn: enough for several collections of the kernel, so that the ended elements which
// pile up between two of them are in the figures.
const turns = 20000

// BenchmarkResets compares what a source costs that makes `reset` work, by beginning and
// going wrong in turn, with the same packets without a reset.
func BenchmarkResets(b *testing.B) {
	var candidates []*candidate
	for _, knocks := range []int{1, 1000} {
		for _, clause := range []string{"", "reset any"} {
			text := strings.ReplaceAll(seeded.Policy(knocks), ">\n", clause+" >\n")
			p, err := newPair("bench", text, nil)
			if err != nil {
				b.Fatal(err)
			}
			candidates = append(candidates, newCandidate(b, fmt.Sprintf("%d knocks %s", knocks, clause), p.policy, script(b, p.result)))
		}
	}
	for b.Loop() {
		for range 7 {
			for _, c := range candidates {
				c.background = append(c.background, c.timed(b, c.turns())/turns)
			}
		}
	}
	for _, c := range candidates {
		b.Logf("%-22s %8.0f ns a packet", c.name, float64(median(c.background)))
	}
	b.ReportMetric(ratio(candidates[1].background, candidates[0].background), "reset/none-1")
	b.ReportMetric(ratio(candidates[3].background, candidates[2].background), "reset/none-1000")
	b.ReportMetric(0, "ns/op")
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
