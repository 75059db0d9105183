package spec

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// canonical is the text of a policy's knocks.
func canonical(p *lang.Policy) string {
	text := ""
	for _, k := range p.Knocks {
		text += k.String() + "\n"
	}
	return text
}

// drawPair draws a policy and a number of traces, merged by time.
func drawPair(t *rapid.T, traces int) *pair {
	text := policies.Draw(t, "policy")
	policy, _ := lang.Parse([]byte(text))
	if got := canonical(policy); !strings.HasSuffix(text, got) {
		t.Fatalf("%s\nis read as\n%s", text, got)
	}
	start := rapid.SampledFrom(starts).Draw(t, "start")
	var events []trace.Event
	for number := range traces {
		events = append(events, drawTrace(t, policy, start, number)...)
	}
	slices.SortStableFunc(events, func(a, b trace.Event) int { return int(a.At - b.At) })
	p, err := newPair(text, text, events)
	if err != nil {
		t.Fatal(err)
	}
	p.start, p.traceOf = start, traceOf
	return p
}

// TestMain sets how many random pairs TestRandom tries; the flag wins.
func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "3000")
	flag.Set("rapid.nofailfile", "true")
	os.Exit(m.Run())
}

// TestRandom holds the simulator against the model, to the millisecond and at
// every deadline's very instant.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPair(t, 1)
		if sets := unread(p.result.Ruleset); len(sets) > 0 {
			t.Fatalf("%s\nno rule reads %v", p.name, sets)
		}
		model := onModel(p.policy, p.start, p.events)
		simulated, _, err := onSim(p.result, p.start, p.events)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.events {
			if model[i] != simulated[i] {
				t.Fatalf("%s%s\nmodel %s, simulator %s", p.name, show(p.events[:i+1]), model[i], simulated[i])
			}
		}
	})
}

// unread are the sets that rules write, but no rule reads: they would fill for nothing.
func unread(r *compiler.Ruleset) []string {
	read, written := map[string]bool{}, map[string]bool{}
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			for _, i := range rule.Instructions {
				switch i := i.(type) {
				case compiler.Lookup:
					read[i.Set] = true
				case compiler.Update:
					written[i.Set] = true
				}
			}
		}
	}
	maps.DeleteFunc(written, func(set string, _ bool) bool { return read[set] })
	return slices.Sorted(maps.Keys(written))
}
