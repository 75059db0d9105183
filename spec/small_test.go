package spec

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// drawSmall draws a pair whose sets have room for very few elements. Policies with
// `close` or `once` are left out: who could not open a door has it to open later,
// or not to shut, which is no one else's gain.
func drawSmall(t *rapid.T) *pair {
	for {
		p := drawPair(t, tracesEach)
		if strings.Contains(p.name, " close ") || strings.Contains(p.name, " once ") {
			continue
		}
		size := rapid.SampledFrom([]string{"size 1\n", "size 2\n", "size 3\n"}).Draw(t, "size")
		small, err := newPair(p.name, size+strings.Replace(p.name, "size 100\n", "", 1), p.events)
		if err != nil {
			t.Fatal(err)
		}
		small.name, small.start, small.traceOf = size+p.name, p.start, traceOf
		return small
	}
}

// letIn reports whether a packet was let in against the meaning of the policy, which
// knows nothing of full sets.
func letIn(says, model string) bool {
	passes := func(says string) bool { return says == string(trace.Accept) || says == string(trace.Pass) }
	return passes(says) && !passes(model)
}

// TestSmallSets: sets that are full let nobody in who would be refused otherwise.
func TestSmallSets(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawSmall(t)
		says, _, err := onSim(p.result, p.start, p.events)
		if err != nil {
			t.Fatal(err)
		}
		model := onModel(p.policy, p.start, p.events)
		for i := range p.events {
			if letIn(says[i], model[i]) {
				t.Fatalf("%s%s\nwas let in", p.name, show(p.events[:i+1]))
			}
		}
		if !slices.Equal(says, model) {
			refused++
		}
	})
	if refused == 0 {
		t.Error("no set was ever full")
	}
}

// TestSmallSetsOnKernel is the same on the kernel.
func TestSmallSetsOnKernel(t *testing.T) {
	var pairs []*pair
	for seed := range hostsAtOnce {
		pairs = append(pairs, rapid.Custom(drawSmall).Example(seed))
	}
	packets, refused := 0, 0
	for _, o := range onKernel(t, pairs) {
		model := onModel(o.pair.policy, o.pair.start, o.events)
		for i := range o.events {
			if !o.sure[i] {
				continue
			}
			packets++
			if letIn(o.says[i], model[i]) {
				t.Errorf("%s%s\nwas let in", o.pair.name, show(o.events[:i+1]))
				break
			}
			if o.says[i] != visible(model[i], o.events[i].Packet) {
				refused++
			}
		}
	}
	t.Logf("%d policies, %d packets, %d of them refused because a set was full", len(pairs), packets, refused)
	if refused == 0 {
		t.Error("no set was ever full")
	}
}

// TestDoorsWithoutGrants: while the set of grants is full, nothing gets into the guard of
// doors that would stay there, and keep all others from opening a door ever after.
func TestDoorsWithoutGrants(t *testing.T) {
	p, err := newPair("doors", `size 8
		knock short < 1001 1003 -> 2023 within 1s grant 1h >
		knock long < 1001 1002 -> 2022 within 1s grant forever reset any revoke >`, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.New(p.result.Ruleset)
	if err != nil {
		t.Fatal(err)
	}
	s := &simulated{m: m}
	knock := func(n uint32, last uint16) {
		s.syn(someone(n), 1001)
		s.syn(someone(n), last)
		s.wait(5 * time.Second)
	}
	for n := range uint32(8) {
		knock(n, 1003)
	}
	for n := uint32(8); n < 16; n++ {
		if knock(n, 1002); s.syn(someone(n), 2022).accepted {
			t.Fatal("the set of grants is not full")
		}
	}
	s.wait(2 * time.Hour)
	if knock(16, 1002); !s.syn(someone(16), 2022).accepted {
		t.Error("nobody can open a door any more")
	}
}
