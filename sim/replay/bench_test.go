package replay_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"knockc/compiler"
	"knockc/internal/seeded"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// BenchmarkText replays a text trace, from its bytes to the counts of verdicts, beside
// reading it alone. Of 5,000 sources one in ten knocks, the others send SYNs to random
// ports; policy and trace are made from a seed.
func BenchmarkText(b *testing.B) {
	for _, knocks := range []int{1, 100, 10000} {
		policy, result := benchPolicy(b, knocks)
		src := benchTrace(policy, 2_000_000)
		read := func() int {
			r, events := trace.NewReader(bytes.NewReader(src)), 0
			for e := r.Next(); e != nil; e = r.Next() {
				events++
			}
			return events
		}
		whole := func() int {
			player, err := replay.New(result)
			if err != nil {
				b.Fatal(err)
			}
			counts, err := player.Count(replay.FromTrace(trace.NewReader(bytes.NewReader(src))), func(int) {})
			if err != nil {
				b.Fatal(err)
			}
			return counts.Packets()
		}
		for name, f := range map[string]func() int{"read": read, "whole": whole} {
			b.Run(fmt.Sprintf("%d-knocks/%s", knocks, name), func(b *testing.B) {
				packets := 0
				for b.Loop() {
					packets += f()
				}
				b.ReportMetric(float64(packets)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
			})
		}
	}
}

func benchPolicy(b *testing.B, knocks int) (*lang.Policy, *compiler.Result) {
	b.Helper()
	policy, _ := lang.Examine([]byte(seeded.Policy(knocks)))
	result, found := compiler.Compile(policy)
	if len(found) > 0 {
		b.Fatal(found)
	}
	return policy, result
}

func benchTrace(policy *lang.Policy, packets int) []byte {
	r := rand.New(rand.NewPCG(2, 3))
	var text strings.Builder
	n := 0
	add := func(src int, port uint16) {
		n++
		fmt.Fprintf(&text, "%d.%04ds 10.1.%d.%d -> %d\n", n/10000, n%10000, src>>8, src&255, port)
	}
	for n < packets {
		src := r.IntN(5000)
		if src%10 != 0 {
			add(src, uint16(1+r.IntN(65535)))
			continue
		}
		k := policy.Knocks[r.IntN(len(policy.Knocks))]
		for _, s := range k.Steps {
			add(src, s.Port)
		}
		add(src, k.Services[0].First)
	}
	return []byte(text.String())
}
