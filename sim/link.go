package sim

import (
	"fmt"
	"slices"

	"example.org/knockc/compiler"
)

// linker makes a program of a ruleset for the packets of a family.
type linker struct {
	program
	family compiler.Family
	clock  Clock
	sets   map[string]*set
	chains map[string]uint32 // the number of each
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

// link lays out the chains, one after the other, and then tells what leads to them where
// they begin.
func (l *linker) link(r *compiler.Ruleset) error {
	for n, c := range r.Chains {
		l.chains[c.Name] = uint32(n)
	}
	begins := make([]uint32, len(r.Chains))
	l.ops = make([]op, 0, l.size(r))
	for n, c := range r.Chains {
		begins[n] = uint32(len(l.ops))
		if c.Hook != nil {
			l.bases[c.Hook.Point] = append(l.bases[c.Hook.Point], begins[n])
		}
		l.rules[c.Name] = make([]int, 0, len(c.Rules))
		for _, rule := range c.Rules {
			last, err := l.rule(rule)
			if err != nil {
				return fmt.Errorf("chain %s: %w", c.Name, err)
			}
			l.rules[c.Name] = append(l.rules[c.Name], last)
		}
		l.ops = append(l.ops, op{code: opReturn})
	}
	if len(l.bases[compiler.Prerouting])+len(l.bases[compiler.Input])+len(l.bases[compiler.Forward]) == 0 {
		return fmt.Errorf("the ruleset has no base chain")
	}
	l.resolve(begins)
	return nil
}

// size is about how many ops the ruleset has for the family.
func (l *linker) size(r *compiler.Ruleset) int {
	size := 0
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			if !slices.ContainsFunc(rule.Instructions, func(i compiler.Instruction) bool { return !i.RunsFor(l.family) }) {
				size += max(1, len(rule.Instructions))
			}
		}
		size++
	}
	return size
}

// rule adds the ops of a rule, and returns which is the last. A rule that breaks for all
// packets of the family before it does anything is left out: -1.
func (l *linker) rule(r compiler.Rule) (last int, err error) {
	begin := len(l.ops)
	acts, idle := false, false
	for _, i := range r.Instructions {
		linked, err := l.instruction(i)
		if err != nil {
			return 0, err
		}
		if !i.RunsFor(l.family) {
			idle = idle || !acts
			linked = op{code: opNever}
		}
		acts = acts || linked.code >= opUpdate
		l.ops = append(l.ops, linked)
	}
	if idle {
		l.ops = l.ops[:begin]
		return -1, nil
	}
	if len(r.Instructions) == 0 {
		l.ops = append(l.ops, op{code: opNothing})
	}
	for i := begin; i < len(l.ops); i++ {
		l.ops[i].onBreak = uint32(len(l.ops))
	}
	last = len(l.ops) - 1
	l.ops[last].ends = true
	return last, nil
}

// resolve puts where a chain begins in place of its number.
func (l *linker) resolve(begins []uint32) {
	for i := range l.ops {
		if o := &l.ops[i]; o.code == opGoto || o.code == opJump {
			o.target = begins[o.target]
		}
	}
	for _, d := range l.dispatches {
		for i := range d.destinations {
			d.destinations[i].resolve(begins)
		}
	}
	for _, lengths := range l.lengths {
		for bytes, d := range lengths {
			d.resolve(begins)
			lengths[bytes] = d
		}
	}
}

func (d *destination) resolve(begins []uint32) {
	if d.code == opGoto || d.code == opJump {
		d.target = begins[d.target]
	}
}

func (l *linker) instruction(i compiler.Instruction) (op, error) {
	switch i := i.(type) {
	case compiler.CtState:
		return op{code: opState, first: uint16(i.States), not: i.Not}, nil
	case compiler.TCPFlags:
		return op{code: opFlags, first: uint16(i.Flags), last: uint16(i.Mask), not: i.Not}, nil
	case compiler.Translated: // nothing ever is in the simulator
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
	var err error
	var follow func(c *compiler.Chain, depth int)
	follow = func(c *compiler.Chain, depth int) {
		if depth >= maxJumps {
			err = fmt.Errorf("chain %q is more than %d chains away from a base chain", c.Name, maxJumps)
			return
		}
		depths[c.Name] = depth
		c.Refs(func(to compiler.Ref) {
			next := chains[to.Name]
			if to.Kind != compiler.RefChain || next == nil {
				return
			}
			if known, ok := depths[to.Name]; !ok || known <= depth {
				follow(next, depth+1)
			}
		})
	}
	for _, c := range r.Chains {
		if c.Hook != nil {
			follow(c, 0)
		}
	}
	return err
}
