package live

import (
	"fmt"

	"github.com/google/nftables"

	"knockc/compiler"
)

// ChangedByHand tells in what a table differs from the ruleset that it was made of, as
// far as the number of rules and of maps' elements, their comments and additional hooks
// show; empty if in nothing.
func (h *Host) ChangedByHand(t *Table, r *compiler.Ruleset) (string, error) {
	if t.Dormant {
		return "it is dormant and guards nothing", nil
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
	for _, c := range r.Chains {
		rules := t.rules[c.Name]
		if len(rules) != len(c.Rules) {
			return fmt.Sprintf("chain %s has %d rules, not %d", c.Name, len(rules), len(c.Rules))
		}
		for i := range rules {
			if rules[i].comment != c.Rules[i].Comment {
				return fmt.Sprintf("rule %d of chain %s is another one", i+1, c.Name)
			}
		}
	}
	for _, c := range t.chains {
		if c.Hooknum != nil && c.Name != r.Chains[0].Name {
			return fmt.Sprintf("chain %s has a hook of its own", c.Name)
		}
	}
	return ""
}
