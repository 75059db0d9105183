package compiler

import (
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// Fragment is the ruleset as part of another table: no chain has a hook, the table has
// to jump to the base chains, and all names begin with the ruleset's table name and
// `_`. With `hook input` the guard has just that table name, as before there was
// another hook. So a file that jumps to it at the hook input does not load with a guard
// that belongs at the hook prerouting.
func (r *Ruleset) Fragment() *Ruleset {
	n := r.namer()
	f := &Ruleset{Table: r.Table}
	for _, s := range r.Sets {
		renamed := *s
		renamed.Name = n.name(s.Name)
		f.Sets = append(f.Sets, &renamed)
	}
	for _, c := range r.Counters {
		f.Counters = append(f.Counters, &Counter{n.name(c.Name)})
	}
	for _, c := range r.Chains {
		renamed := &Chain{Name: n.chain(c.Name), Comment: c.Comment}
		for _, rule := range c.Rules {
			if slices.ContainsFunc(rule.Instructions, isEmptyMap) {
				continue // only as a named map it has a use
			}
			var instructions []Instruction
			for _, i := range rule.Instructions {
				instructions = append(instructions, n.instruction(i))
			}
			renamed.Rules = append(renamed.Rules, Rule{instructions, rule.Comment})
		}
		f.Chains = append(f.Chains, renamed)
	}
	return f
}

// Entry is a chain of a fragment to jump to, and the hook to jump from.
type Entry struct {
	Chain string
	Hook  HookPoint
}

// Entries are the entries of the ruleset's fragment.
func (r *Ruleset) Entries() []Entry {
	var all []Entry
	for _, c := range r.Chains {
		if c.Hook != nil {
			all = append(all, Entry{r.namer().chain(c.Name), c.Hook.Point})
		}
	}
	return all
}

func isEmptyMap(i Instruction) bool {
	d, ok := i.(Dispatch)
	return ok && len(d.Entries) == 0
}

// namer gives the names that things have in a fragment.
type namer struct {
	table   string
	atInput bool // that is where the guard is
}

func (r *Ruleset) namer() namer {
	guard := slices.IndexFunc(r.Chains, func(c *Chain) bool { return c.Name == guardChain })
	return namer{r.Table, guard >= 0 && r.Chains[guard].Hook.Point == Input}
}

// FragmentOf is the name of the fragment whose guard a chain may be, given which chains
// are beside it; empty if it cannot be one. The mark of the policy tells whether it is.
func FragmentOf(chain string, beside func(chain string) bool) string {
	if name, ok := strings.CutSuffix(chain, "_"+guardChain); ok {
		return name
	}
	// The guard at the hook input; version 0.1.0 had no chain that is always there.
	for _, other := range []string{"established", attemptChain(lang.TCP), attemptChain(lang.UDP)} {
		if beside(chain + "_" + other) {
			return chain
		}
	}
	return ""
}

// NameIn is the name in a ruleset of what has another one in its fragment; false if that
// is not a name of the fragment.
func NameIn(fragment, name string) (own string, ok bool) {
	if name == fragment {
		return guardChain, true
	}
	return strings.CutPrefix(name, fragment+"_")
}

// IsEntry reports whether a chain has a hook in a ruleset, and in a fragment has to be
// jumped to.
func IsEntry(chain string) bool { return slices.Contains(baseChains, chain) }

func (n namer) name(name string) string { return n.table + "_" + name }

func (n namer) chain(name string) string {
	if name == guardChain && n.atInput {
		return n.table
	}
	return n.name(name)
}

func (n namer) instruction(i Instruction) Instruction {
	switch i := i.(type) {
	case Lookup:
		i.Set = n.name(i.Set)
		return i
	case Update:
		i.Set = n.name(i.Set)
		return i
	case Delete:
		i.Set = n.name(i.Set)
		return i
	case Spend:
		i.Set = n.name(i.Set)
		return i
	case Count:
		i.Counter = n.name(i.Counter)
		return i
	case Verdict:
		return n.verdict(i)
	case Dispatch:
		d := Dispatch{Interval: i.Interval, Named: i.Named} // without a name: a fragment cannot empty an older map
		for _, e := range i.Entries {
			e.Verdict = n.verdict(e.Verdict)
			d.Entries = append(d.Entries, e)
		}
		return d
	case Lengths:
		l := Lengths{Family: i.Family}
		for _, e := range i.Entries {
			e.Verdict = n.verdict(e.Verdict)
			l.Entries = append(l.Entries, e)
		}
		return l
	}
	i.Refs(func(r Ref) { panic(fmt.Sprintf("compiler: no name in a fragment for %q of %T", r.Name, i)) })
	return i
}

func (n namer) verdict(v Verdict) Verdict {
	if v.Chain != "" {
		v.Chain = n.chain(v.Chain)
	}
	return v
}
