package sim

import (
	"fmt"

	"knockc/compiler"
)

// linker makes a program of a ruleset for the packets of a family.
type linker struct {
	program
	family compiler.Family
	clock  Clock
	sets   map[string]*set
	chains map[string]uint32 // where each begins
	rules  map[string][]int  // of each chain: the last op of each rule, -1: left out
}

// link makes the programs of a machine.
func (m *Machine) link(r *compiler.Ruleset) error {
	if err := checkDepth(r); err != nil {
		return err
	}
	for _, f := range compiler.Families {
		l := &linker{family: f, clock: m.clock, sets: m.sets, chains: make(map[string]uint32, len(r.Chains)), rules: make(map[string][]int, len(r.Chains))}
		if err := l.link(r); err != nil {
			return err
		}
		m.programs[f], m.rules[f] = &l.program, l.rules
	}
	return nil
}

// link lays out the chains, whose places must be known, and then fills in the ops.
func (l *linker) link(r *compiler.Ruleset) error {
	size := 0
	for _, c := range r.Chains {
		l.chains[c.Name] = uint32(size)
		if c.Hook != nil {
			l.bases[c.Hook.Point] = append(l.bases[c.Hook.Point], uint32(size))
		}
		for _, rule := range c.Rules {
			if !l.idle(rule) {
				size += max(1, len(rule.Instructions))
			}
		}
		size++
	}
	if len(l.bases[compiler.Prerouting])+len(l.bases[compiler.Input])+len(l.bases[compiler.Forward]) == 0 {
		return fmt.Errorf("the ruleset has no base chain")
	}
	l.ops = make([]op, 0, size)
	for _, c := range r.Chains {
		l.rules[c.Name] = make([]int, 0, len(c.Rules))
		for _, rule := range c.Rules {
			if err := l.rule(c, rule); err != nil {
				return fmt.Errorf("chain %s: %w", c.Name, err)
			}
		}
		l.ops = append(l.ops, op{code: opReturn})
	}
	return nil
}

func (l *linker) rule(c *compiler.Chain, r compiler.Rule) error {
	if l.idle(r) {
		l.rules[c.Name] = append(l.rules[c.Name], -1)
		return l.checkNames(r)
	}
	instructions := r.Instructions
	if len(instructions) == 0 {
		l.ops = append(l.ops, op{code: opNothing})
	}
	begin := len(l.ops)
	for _, i := range instructions {
		linked, err := l.instruction(i)
		if err != nil {
			return err
		}
		if f, ok := familyOf(i); ok && f != l.family {
			linked = op{code: opMatch, target: l.condition(func(*run) bool { return false })}
		}
		l.ops = append(l.ops, linked)
	}
	for i := begin; i < len(l.ops); i++ {
		l.ops[i].onBreak = uint32(len(l.ops))
	}
	l.ops[len(l.ops)-1].ends = true
	l.rules[c.Name] = append(l.rules[c.Name], len(l.ops)-1)
	return nil
}

// checkNames looks for the sets and chains of a rule that is left out.
func (l *linker) checkNames(r compiler.Rule) error {
	for _, i := range r.Instructions {
		if _, err := l.instruction(i); err != nil {
			return err
		}
	}
	return nil
}

// idle reports whether the rule breaks for packets of the family before it does
// anything.
func (l *linker) idle(r compiler.Rule) bool {
	for _, i := range r.Instructions {
		if f, ok := familyOf(i); ok && f != l.family {
			return true
		}
		switch i.(type) {
		case compiler.Update, compiler.Delete, compiler.Count, compiler.Log, compiler.Dispatch, compiler.Lengths, compiler.Verdict, compiler.Reject:
			return false
		}
	}
	return false
}

// familyOf is the family that an instruction breaks without.
func familyOf(i compiler.Instruction) (compiler.Family, bool) {
	switch i := i.(type) {
	case compiler.Source:
		return i.Family, true
	case compiler.Destination:
		return i.Family, true
	case compiler.ICMP:
		return i.Family, true
	case compiler.Length:
		return i.Family, true
	case compiler.Lengths:
		return i.Family, true
	case compiler.Lookup:
		return i.Key.Family, true
	case compiler.Update:
		return i.Key.Family, true
	case compiler.Delete:
		return i.Key.Family, true
	}
	return 0, false
}

func (l *linker) instruction(i compiler.Instruction) (op, error) {
	switch i := i.(type) {
	case compiler.CtState:
		return op{code: opState, first: uint16(i.States), not: i.Not}, nil
	case compiler.TCPFlags:
		return op{code: opFlags, first: uint16(i.Flags), last: uint16(i.Mask), not: i.Not}, nil
	case compiler.Translated:
		return op{code: opNever}, nil
	case compiler.AddrType:
		return op{code: opAddrType, first: uint16(i.Kind), not: i.Not}, nil
	case compiler.Ports:
		return op{code: opPorts, first: i.First, last: i.Last, not: i.Not}, nil
	case compiler.Lookup:
		return l.element(op{code: opLookup, not: i.Not}, i.Set, i.Key)
	case compiler.Update:
		if i.Timeout <= 0 {
			return op{}, fmt.Errorf("an update of set %q has no timeout", i.Set)
		}
		return l.element(op{code: opUpdate, lasts: l.clock.lasts(i.Timeout)}, i.Set, i.Key)
	case compiler.Delete:
		return l.element(op{code: opDelete}, i.Set, i.Key)
	case compiler.Count, compiler.Log:
		return op{code: opNothing}, nil
	case compiler.Dispatch:
		return l.dispatch(i)
	case compiler.Lengths:
		return l.lengthsOp(i)
	case compiler.Verdict:
		d, err := l.verdict(i)
		return op{code: d.code, target: d.target}, err
	case compiler.Reject:
		if i.Reset {
			return op{code: opReset}, nil
		}
		return op{code: opReject}, nil
	}
	if holds := condition(i); holds != nil {
		return op{code: opMatch, target: l.condition(holds)}, nil
	}
	return op{}, fmt.Errorf("unknown instruction %T", i)
}

func (l *linker) condition(holds func(*run) bool) uint32 {
	l.conditions = append(l.conditions, holds)
	return uint32(len(l.conditions) - 1)
}

func (l *linker) element(o op, name string, k compiler.Key) (op, error) {
	s, ok := l.sets[name]
	if !ok {
		return o, fmt.Errorf("no set %q", name)
	}
	o.set, o.keys = s, newKeyer(k)
	return o, nil
}

func (l *linker) dispatch(i compiler.Dispatch) (op, error) {
	d := &dispatch{}
	numbers := map[destination]uint32{}
	for _, e := range i.Entries {
		to, err := l.verdict(e.Verdict)
		if err != nil {
			return op{}, err
		}
		n, known := numbers[to]
		if !known {
			n = uint32(len(d.destinations))
			numbers[to] = n
			d.destinations = append(d.destinations, to)
		}
		table := &d.tcp
		if e.Proto == compiler.ProtoUDP {
			table = &d.udp
		}
		if *table == nil {
			*table = &ports{}
		}
		for port := int(e.First); port <= int(e.Last); port++ {
			(*table).set(uint16(port), n)
		}
	}
	l.dispatches = append(l.dispatches, d)
	return op{code: opDispatch, target: uint32(len(l.dispatches) - 1)}, nil
}

func (l *linker) lengthsOp(i compiler.Lengths) (op, error) {
	lengths := map[int]destination{}
	for _, e := range i.Entries {
		to, err := l.verdict(e.Verdict)
		if err != nil {
			return op{}, err
		}
		lengths[int(e.Bytes)] = to
	}
	l.lengths = append(l.lengths, lengths)
	return op{code: opLengths, target: uint32(len(l.lengths) - 1)}, nil
}

func (l *linker) verdict(v compiler.Verdict) (destination, error) {
	code := [...]opcode{
		compiler.Accept: opAccept, compiler.Drop: opDrop, compiler.Return: opReturn,
		compiler.Goto: opGoto, compiler.Jump: opJump, compiler.Rejected: opReject,
	}[v.Kind]
	if code != opGoto && code != opJump {
		return destination{code: code}, nil
	}
	to, ok := l.chains[v.Chain]
	if !ok {
		return destination{}, fmt.Errorf("no chain %q", v.Chain)
	}
	return destination{code, to}, nil
}

// checkDepth refuses rulesets that the kernel would refuse: with chains that lead
// further than it follows, or in a circle (nft_chain_validate, EMLINK).
func checkDepth(r *compiler.Ruleset) error {
	chains := make(map[string]*compiler.Chain, len(r.Chains))
	for _, c := range r.Chains {
		chains[c.Name] = c
	}
	depths := make(map[string]int, len(r.Chains))
	var depth func(name string, level int) error
	depth = func(name string, level int) error {
		if known, ok := depths[name]; ok && known >= level || chains[name] == nil {
			return nil
		}
		if level >= maxJumps {
			return fmt.Errorf("chain %q is more than %d chains away from a base chain", name, maxJumps)
		}
		depths[name] = level
		for _, to := range leadsTo(chains[name]) {
			if err := depth(to, level+1); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range r.Chains {
		if c.Hook == nil {
			continue
		}
		if err := depth(c.Name, 0); err != nil {
			return err
		}
	}
	return nil
}

func leadsTo(c *compiler.Chain) []string {
	var names []string
	for _, r := range c.Rules {
		for _, i := range r.Instructions {
			switch i := i.(type) {
			case compiler.Verdict:
				names = append(names, i.Chain)
			case compiler.Dispatch:
				for _, e := range i.Entries {
					names = append(names, e.Verdict.Chain)
				}
			case compiler.Lengths:
				for _, e := range i.Entries {
					names = append(names, e.Verdict.Chain)
				}
			}
		}
	}
	return names
}
