package sim

import (
	"cmp"
	"fmt"
	"slices"

	"knockc/compiler"
	"knockc/lang"
)

// chain is a chain whose instructions know their sets and chains.
type chain struct {
	rules [][]instruction
}

// instruction runs one instruction on a packet.
type instruction func(*run) outcome

// linker resolves the names in a ruleset.
type linker struct {
	sets   map[string]*set
	chains map[string]*chain
}

// link turns a ruleset's chains into ones that run, and returns the base chain.
func link(r *compiler.Ruleset, sets map[string]*set) (*chain, error) {
	l := linker{sets, map[string]*chain{}}
	var base *chain
	for _, c := range r.Chains {
		l.chains[c.Name] = &chain{}
		if c.Hook != nil {
			base = l.chains[c.Name]
		}
	}
	if base == nil {
		return nil, fmt.Errorf("the ruleset has no base chain")
	}
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			linked, err := l.rule(rule)
			if err != nil {
				return nil, fmt.Errorf("chain %s: %w", c.Name, err)
			}
			l.chains[c.Name].rules = append(l.chains[c.Name].rules, linked)
		}
	}
	return base, nil
}

func (l *linker) rule(r compiler.Rule) ([]instruction, error) {
	var linked []instruction
	for _, i := range r.Instructions {
		f, err := l.instruction(i)
		if err != nil {
			return nil, err
		}
		linked = append(linked, f)
	}
	return linked, nil
}

func (l *linker) instruction(i compiler.Instruction) (instruction, error) {
	switch i := i.(type) {
	case compiler.CtState:
		return when(func(r *run) bool { return r.state&i.States != 0 }), nil
	case compiler.Iface:
		return when(func(r *run) bool { return r.packet.Iface == i.Name }), nil
	case compiler.TCPFlags:
		return when(func(r *run) bool { return r.packet.Proto == lang.TCP && r.packet.Flags&i.Mask == i.Flags }), nil
	case compiler.Lookup:
		return l.lookup(i)
	case compiler.Update:
		return l.update(i)
	case compiler.Dispatch:
		return l.dispatch(i)
	case compiler.Verdict:
		o, err := l.verdict(i)
		return func(*run) outcome { return o }, err
	}
	return nil, fmt.Errorf("unknown instruction %T", i)
}

// when goes on if the condition holds, and breaks if not.
func when(holds func(*run) bool) instruction {
	return func(r *run) outcome {
		if holds(r) {
			return outcome{action: next}
		}
		return outcome{action: broken}
	}
}

func (l *linker) lookup(i compiler.Lookup) (instruction, error) {
	s, err := l.set(i.Set)
	return when(func(r *run) bool {
		if !r.isFamily(i.Key.Family) {
			return false
		}
		_, live := s.expiry(elementKey{r.packet.Src, i.Key.State}, r.packet.Time)
		return live
	}), err
}

func (l *linker) update(i compiler.Update) (instruction, error) {
	s, err := l.set(i.Set)
	return when(func(r *run) bool {
		p := r.packet
		if !r.isFamily(i.Key.Family) || !s.update(elementKey{p.Src, i.Key.State}, p.Time, i.Timeout) {
			return false
		}
		r.machine.changes = append(r.machine.changes, Change{s.name, p.Src, i.Key.State, p.Time + i.Timeout})
		return true
	}), err
}

// dispatch finds the entry by bisection.
func (l *linker) dispatch(d compiler.Dispatch) (instruction, error) {
	type entry struct {
		compiler.DispatchEntry
		outcome
	}
	var entries []entry
	for _, e := range d.Entries {
		o, err := l.verdict(e.Verdict)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{e, o})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First))
	})
	return func(r *run) outcome {
		proto, port := r.packet.Proto.Number(), r.packet.DstPort
		i, found := slices.BinarySearchFunc(entries, port, func(e entry, port uint16) int {
			return cmp.Or(cmp.Compare(e.Proto, proto), cmp.Compare(e.First, port))
		})
		if !found {
			i--
		}
		if i < 0 || entries[i].Proto != proto || port > entries[i].Last {
			return outcome{action: broken}
		}
		return entries[i].outcome
	}, nil
}

func (l *linker) verdict(v compiler.Verdict) (outcome, error) {
	switch v.Kind {
	case compiler.Accept:
		return outcome{action: accept}, nil
	case compiler.Drop:
		return outcome{action: drop}, nil
	}
	c, ok := l.chains[v.Chain]
	if !ok {
		return outcome{}, fmt.Errorf("no chain %q", v.Chain)
	}
	return outcome{jump, c}, nil
}

func (l *linker) set(name string) (*set, error) {
	if s, ok := l.sets[name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("no set %q", name)
}

func (r *run) isFamily(f compiler.Family) bool {
	return r.packet.Src.Is4() == (f == compiler.IPv4)
}
