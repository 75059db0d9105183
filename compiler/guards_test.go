package compiler_test

import (
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// TestGuardsOutlive: a guard is recorded before what it speaks of, so that it is full
// first, and lives longer by more than a tick. (Only a packet that meets a tick between
// two instructions could tell.)
func TestGuardsOutlive(t *testing.T) {
	const policy = `
		knock a < 1 2 3 -> 22 within 7s grant 1h reset any revoke close 9 8 7 >
		knock b < 1 2 4 -> 22 within 3s total 5s reset known revoke per /24 /64 >
		knock c < 5 6 -> 23 grant forever reset any revoke >`
	recorded := 0
	result := compile(t, policy)
	for _, c := range result.Ruleset.Chains {
		for _, r := range c.Rules {
			guards := map[string]compiler.Update{}
			for _, i := range r.Instructions {
				u, ok := i.(compiler.Update)
				if !ok {
					continue
				}
				kind := strings.TrimRight(u.Set, "46")
				guard := map[string]string{"first": "busy", "steps": "busy", "grants": "doors"}[kind]
				if guard == "" {
					guards[kind] = u
					continue
				}
				if s, means := result.Symbols.Meaning(u.Set, u.Key.State); !means || s.Role == compiler.Opening && s.Step == 0 {
					continue // since when, for `total`: no progress
				}
				recorded++
				g, ok := guards[guard]
				if !ok || g.Key.Bits > u.Key.Bits || g.Timeout != lang.Forever && (u.Timeout == lang.Forever || g.Timeout < u.Timeout+100*time.Millisecond) {
					t.Errorf("%s is not outlived by %s in %s", kind, guard, r.Comment)
				}
			}
		}
	}
	if recorded < 16 {
		t.Errorf("only %d updates looked at", recorded)
	}
}
