package explore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/explore"
	"example.org/knockc/lang"
)

// mutant is a ruleset with one fault.
type mutant struct {
	what    string
	ruleset *compiler.Ruleset
}

// mutants are all rulesets that differ in one rule about IPv4, which is missing or has one
// instruction that is missing or says something else: what a fault in the compiler would do.
// Left out is what no source can see: counters, the sets that only tell where to look, and
// deletions of what may not be there. So are chains that only translated packets meet,
// SYNs of connections that exist, of which one port in many can be seen, and DHCPv6.
func mutants(r *compiler.Ruleset) (all []mutant) {
	for c, chain := range r.Chains {
		if slices.Contains([]string{"arrived", "addressed", "translated", "translated_on", "named", "any_here", "undecided"}, chain.Name) {
			continue
		}
		for n, rule := range chain.Rules {
			add := func(what string, rules ...compiler.Rule) {
				changed, with := *r, *chain
				changed.Chains = slices.Clone(r.Chains)
				with.Rules = slices.Replace(slices.Clone(chain.Rules), n, n+1, rules...)
				changed.Chains[c] = &with
				all = append(all, mutant{fmt.Sprintf("chain %s, rule %d: %s", chain.Name, n+1, what), &changed})
			}
			if moves(rule) {
				add("missing")
			}
			for i, instruction := range rule.Instructions {
				_, lookup := instruction.(compiler.Lookup)
				if asks(instruction) && (!lookup || moves(rule) && !asksTwice(rule)) {
					add(fmt.Sprintf("without %+v", instruction), compiler.Rule{Instructions: slices.Delete(slices.Clone(rule.Instructions), i, i+1)})
				}
				for _, other := range others(instruction, moves(rule)) {
					instructions := slices.Clone(rule.Instructions)
					instructions[i] = other
					add(fmt.Sprintf("%+v for %+v", other, instruction), compiler.Rule{Instructions: instructions})
				}
			}
		}
	}
	return all
}

// moves reports whether a rule moves a source on.
func moves(r compiler.Rule) bool {
	return slices.ContainsFunc(r.Instructions, func(i compiler.Instruction) bool {
		u, ok := i.(compiler.Update)
		return ok && u.Key.Family == compiler.IPv4 && isState(u.Set)
	})
}

// asks reports whether an instruction decides whether the rest of its rule runs.
func asks(i compiler.Instruction) bool {
	switch i.(type) {
	case compiler.Lookup, compiler.Source, compiler.Iface, compiler.Spend:
		return true
	}
	return false
}

// asksTwice reports whether a rule does a second step in time: if the first step was done in
// time, it is also not longer ago than `total`.
func asksTwice(r compiler.Rule) bool {
	first := 0
	for _, i := range r.Instructions {
		if l, ok := i.(compiler.Lookup); ok && strings.HasPrefix(l.Set, "first") {
			first++
		}
	}
	return first > 1
}

// isState reports whether a set says how far sources are.
func isState(set string) bool {
	kind, _, ok := compiler.SetOf(set)
	return ok && slices.Contains([]compiler.SetKind{compiler.FirstSteps, compiler.Steps, compiler.ClosingFirst, compiler.ClosingSteps, compiler.Grants}, kind)
}

// others are instructions that a compiler with a fault might have written; moves says
// whether the rule moves a source on.
func others(i compiler.Instruction, moves bool) []compiler.Instruction {
	switch i := i.(type) {
	case compiler.TCPFlags:
		i.Not = !i.Not
		return []compiler.Instruction{i}
	case compiler.Lookup:
		if !moves {
			return nil
		}
		not, state := i, i
		not.Not = !not.Not
		state.Key.State++
		return []compiler.Instruction{not, state}
	case compiler.Update:
		if !moves || !isState(i.Set) {
			return nil
		}
		state, longer, shorter := i, i, i
		state.Key.State++
		if i.Timeout == lang.Forever {
			return []compiler.Instruction{state}
		}
		longer.Timeout += time.Millisecond
		shorter.Timeout -= time.Millisecond
		return []compiler.Instruction{state, longer, shorter}
	case compiler.Dispatch:
		return otherDispatches(i)
	}
	return nil
}

func otherDispatches(d compiler.Dispatch) (all []compiler.Instruction) {
	for n, e := range d.Entries {
		without, moved := d, d
		without.Entries = slices.Delete(slices.Clone(d.Entries), n, n+1)
		moved.Entries = slices.Clone(d.Entries)
		e.First, e.Last = e.First+1, e.Last+1
		moved.Entries[n] = e
		all = append(all, without, moved)
	}
	return all
}

// TestMutants plants faults in the rules of policies. Prove finds each of them.
func TestMutants(t *testing.T) {
	planted := 0
	for _, text := range []string{
		"refuse reject\nknock ssh < 7001 9002 8003 -> 22 udp/53 within 5s grant 10s reset any close 6001 6003 >",
		"default drop\nknock a < 7001 ping/64 udp/9001 -> 22 within 5s total 8s grant 1m once >\nknock b < 7001 9002 -> 80 >",
		"knock c < otp/9002 -> 22 from 198.51.100.0/24 2001:db8::/32 on eth0 key \"c.key\" >",
		"knock c < otp/9002 -> 22 at 10.0.0.5 2001:db8::5 key \"c.key\" >",
	} {
		result := compile(t, text)
		for _, m := range mutants(result.Ruleset) {
			planted++
			changed := *result
			changed.Ruleset = m.ruleset
			if !differs(t, &changed) {
				t.Errorf("%s\nnot found: %s", text, m.what)
			}
		}
	}
	readmeSays(t, fmt.Sprintf("%d faults", planted))
}

// differs reports whether rules do something else than their policy means.
func differs(t *testing.T, r *compiler.Result) (differs bool) {
	t.Helper()
	err := explore.Prove(t.Context(), r, 50_000, func(p explore.Proof) { differs = differs || p.Differs != nil })
	return differs || err != nil // a ruleset may have become one that cannot run
}

func compile(t *testing.T, text string) *compiler.Result {
	t.Helper()
	policy, _ := lang.Examine([]byte(text))
	result, found := compiler.Compile(policy)
	if result == nil {
		t.Fatal(found)
	}
	return result
}
