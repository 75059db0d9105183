//go:build linux

package live

import (
	"slices"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/samples"
	"example.org/knockc/lang"
)

// TestEveryInstruction: whatever else a rule has in it, all that it changes is read, and
// nothing else.
func TestEveryInstruction(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 20, State: 0xc0ffee}, Set: "s4", Timeout: time.Minute}
	update6 := compiler.Update{Key: compiler.Key{Family: compiler.IPv6, Bits: 128, State: 1}, Set: "s6", Timeout: lang.Forever}
	for _, s := range append(samples.All(), samples.Endings()...) {
		rule := samples.Rule("a comment", update, s.Instruction, update6)
		h := loadedInMemory(t, samples.Ruleset(rule))
		rules, err := h.rules("knock", "guard")
		if err != nil || len(rules) != 1 {
			t.Fatal(rules, err)
		}
		want := updatesOf(rule)
		known := 2
		s.Refs(func(r compiler.Ref) {
			if r.Makes {
				known++
			}
		})
		if len(want) != known {
			t.Errorf("updatesOf does not know %T", s.Instruction)
		}
		if !slices.Equal(rules[0].changes, want) || rules[0].comment != "a comment" {
			t.Errorf("with %T%+v a rule changes\n%+v, want\n%+v", s.Instruction, s.Instruction, rules[0], want)
		}
	}
}
