package spec

import (
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

var (
	leastPairs   = flag.Int("pairs", 750, "how many pairs TestRandomOnKernel tries at least")
	leastPackets = flag.Int("packets", 0, "how many packets it compares at least")
	tracesOfPair = flag.Int("traces", tracesEach, "how many traces each of its pairs has")
)

// The random pairs of the kernel: so many hosts at once, each with traces to one policy.
const (
	hostsAtOnce = 150
	tracesEach  = 4
)

// TestRandomOnKernel holds the kernel against model and simulator, in real time.
// The pairs are the same in every run; when their packets arrive is not.
func TestRandomOnKernel(t *testing.T) {
	total, decided, opened := tally{}, newDecisions(), 0
	for seed := 0; seed < *leastPairs || total.packets < *leastPackets; seed += hostsAtOnce {
		number := hostsAtOnce
		if left := *leastPairs - seed; left > 0 {
			number = min(number, left)
		}
		t.Run(fmt.Sprintf("from%d", seed), func(t *testing.T) {
			for _, o := range onKernel(t, randomPairs(seed, number)) {
				total.judge(t, o)
				total.traces += *tracesOfPair
				opened += tracesThatOpen(t, o)
				decided.add(o.pair, o.events)
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%v; %d%% of the traces opened a door\n%v", &total, 100*opened/max(total.traces, 1), decided)
	if t.Failed() {
		return
	}
	if 100*opened < 30*total.traces || total.traces == 0 {
		t.Errorf("%d of %d traces opened a door, want at least 30%%", opened, total.traces)
	}
	if never := decided.never(); never != nil {
		t.Errorf("never decided a verdict: %v", never)
	}
}

// randomPairs are drawn with the seeds from the given one on.
func randomPairs(seed, number int) []*pair {
	var pairs []*pair
	for i := range number {
		draw := rapid.Custom(func(t *rapid.T) *pair { return drawPair(t, *tracesOfPair) })
		pairs = append(pairs, draw.Example(seed+i))
	}
	return pairs
}

// tracesThatOpen counts the traces in which a door opened.
func tracesThatOpen(t *testing.T, o *observation) int {
	_, opened, err := onSim(o.pair.result, o.pair.start, o.events)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[int]bool{}
	for i, e := range o.events {
		if opened[i] {
			numbers[o.pair.traceOf(e.Packet.Src)] = true
		}
	}
	return len(numbers)
}
