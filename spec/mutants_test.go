package spec

import (
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/compiler"
)

// mutant is a ruleset with one fault.
type mutant struct {
	what    string
	ruleset *compiler.Ruleset
}

// mutants are the rulesets with one fault in a rule about a port.
func mutants(r *compiler.Ruleset) []mutant {
	var all []mutant
	for c, chain := range r.Chains {
		if !isOfPort(chain) {
			continue
		}
		for i, rule := range chain.Rules {
			switch rule.Instructions[0].(type) {
			case compiler.CtState, compiler.Translated, compiler.AddrType:
				continue
			case compiler.Count:
				continue // it refuses what is refused later without it
			}
			where := fmt.Sprintf("in chain %s rule %d", chain.Name, i+1)
			all = append(all, mutant{where + " is missing", withRules(r, c, slices.Delete(slices.Clone(chain.Rules), i, i+1))})
			if swapped, ok := swapStates(rule); ok {
				rules := slices.Clone(chain.Rules)
				rules[i] = swapped
				all = append(all, mutant{where + " has its states swapped", withRules(r, c, rules)})
			}
		}
	}
	return all
}

// isOfPort reports whether a chain is one of a port.
func isOfPort(c *compiler.Chain) bool {
	return strings.HasPrefix(c.Name, "tcp_") || c.Name == "steps_tcp"
}

// withRules is the ruleset with other rules in one chain.
func withRules(r *compiler.Ruleset, chain int, rules []compiler.Rule) *compiler.Ruleset {
	changed := *r
	changed.Chains = slices.Clone(r.Chains)
	c := *r.Chains[chain]
	c.Rules = rules
	changed.Chains[chain] = &c
	return &changed
}

// swapStates swaps what a rule looks up with what it updates.
func swapStates(r compiler.Rule) (compiler.Rule, bool) {
	swapped := slices.Clone(r.Instructions)
	asks := slices.IndexFunc(swapped, func(i compiler.Instruction) bool { _, ok := i.(compiler.Lookup); return ok })
	sets := slices.IndexFunc(swapped, func(i compiler.Instruction) bool { _, ok := i.(compiler.Update); return ok })
	if asks < 0 || sets < 0 {
		return r, false
	}
	lookup, update := swapped[asks].(compiler.Lookup), swapped[sets].(compiler.Update)
	lookup.Key, lookup.Set, update.Key, update.Set = update.Key, update.Set, lookup.Key, lookup.Set
	swapped[asks], swapped[sets] = lookup, update
	return compiler.Rule{Instructions: swapped, Comment: r.Comment}, true
}
