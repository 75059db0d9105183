//go:build linux

package live

import (
	"fmt"

	"github.com/google/nftables"

	"example.org/knockc/compiler"
)

// ChangedByHand tells in what a table differs from the ruleset that it was made of, as
// far as the number of rules and of maps' elements, their comments and additional hooks
// show; empty if in nothing.
func (h *kernel) ChangedByHand(t *Table, r *compiler.Ruleset) (string, error) {
	if t.Dormant {
		return "it is dormant and guards nothing", nil
	}
	if t.fragment != "" {
		r = inFragment(r)
	}
	if change := t.changedRules(r); change != "" {
		return change, nil
	}
	for _, s := range r.Sets {
		if t.set(s.Name) == nil {
			return fmt.Sprintf("set %s is missing", s.Name), nil
		}
	}
	for _, d := range r.Maps() {
		if t.set(d.Name) == nil {
			return fmt.Sprintf("map %s is missing", d.Name), nil
		}
		found, err := h.conn.GetSetElements(&nftables.Set{Table: t.table, Name: d.Name})
		if err != nil {
			return "", explain(err)
		}
		if len(found) != len(d.Entries) {
			return fmt.Sprintf("map %s has %d elements, not %d", d.Name, len(found), len(d.Entries)), nil
		}
	}
	return "", nil
}

func (t *Table) changedRules(r *compiler.Ruleset) string {
	wanted := map[string]*compiler.Hook{}
	for _, c := range r.Chains {
		wanted[c.Name] = c.Hook
		rules := t.rules[c.Name]
		if len(rules) != len(c.Rules) {
			return fmt.Sprintf("chain %s has %d rules, not %d", c.Name, len(rules), len(c.Rules))
		}
		for i := range rules {
			if !sameComment(rules[i].comment, c.Rules[i].Comment) {
				return fmt.Sprintf("rule %d of chain %s is different", i+1, c.Name)
			}
		}
	}
	for _, c := range t.chains {
		hook := hookOf(c)
		switch want := wanted[c.Name]; {
		case hook != nil && want == nil:
			return fmt.Sprintf("chain %s is at a hook, which it should not be", c.Name)
		case hook != nil && *hook != *want:
			return fmt.Sprintf("chain %s is at %s, not at %s", c.Name, hookText(*hook), hookText(*want))
		}
	}
	return ""
}

// sameComment reports whether comments are the same, except for the time in a mark.
func sameComment(a, b string) bool {
	markA, _ := compiler.ParseLegend(a)
	markB, _ := compiler.ParseLegend(b)
	return a == b || markA.For == compiler.ForMark && markB.For == compiler.ForMark && markA.Text == markB.Text
}

// hookOf is where a chain is hooked, nil if it is not.
func hookOf(c *nftables.Chain) *compiler.Hook {
	if c.Hooknum == nil || c.Priority == nil {
		return nil
	}
	return &compiler.Hook{Point: compiler.HookPoint(*c.Hooknum), Priority: int32(*c.Priority)} // the kernel's own numbers
}

func hookText(h compiler.Hook) string {
	if h.Point > compiler.Forward {
		return fmt.Sprintf("another hook, priority %d", h.Priority)
	}
	return fmt.Sprintf("hook %s, priority %d", h.Point, h.Priority)
}
