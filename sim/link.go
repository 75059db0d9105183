package sim

import (
	"fmt"
	"math"
	"slices"
	"time"

	"example.org/knockc/compiler"
)

// linker makes a program of a ruleset for the packets of a family.
type linker struct {
	program
	family compiler.Family
	clock  Clock
	sets   map[string]*set
	chains map[string]uint32 // see chainNumbers
	lasts  map[int64]uint32  // the number of each timeout
}

// chainNumbers are the places of the chains in a ruleset, by name.
func chainNumbers(r *compiler.Ruleset) map[string]uint32 {
	numbers := make(map[string]uint32, len(r.Chains))
	for n, c := range r.Chains {
		numbers[c.Name] = uint32(n)
	}
	return numbers
}

// link makes the program for a family. What is wrong with a ruleset is wrong for both.
func (m *Machine) link(f compiler.Family) error {
	l := &linker{family: f, clock: m.clock, sets: m.sets, chains: m.chains, lasts: map[int64]uint32{}}
	if err := l.link(m.ruleset); err != nil {
		return err
	}
	m.programs[f] = &l.program
	return nil
}

// link lays out the chains, one after the other, and then tells what leads to them where
// they begin.
func (l *linker) link(r *compiler.Ruleset) error {
	begins := make([]uint32, len(r.Chains))
	ops, rules := l.size(r)
	l.ops, l.rules = make([]op, 0, ops), make([]int32, 0, rules)
	for n, c := range r.Chains {
		begins[n] = uint32(len(l.ops))
		if c.Hook != nil {
			l.bases[c.Hook.Point] = append(l.bases[c.Hook.Point], begins[n])
		}
		for _, rule := range c.Rules {
			last, err := l.rule(rule)
			if err != nil {
				return fmt.Errorf("chain %s: %w", c.Name, err)
			}
			l.rules = append(l.rules, last)
		}
		l.ops = append(l.ops, op{code: opReturn})
	}
	if len(l.bases[compiler.Prerouting])+len(l.bases[compiler.Input])+len(l.bases[compiler.Forward]) == 0 {
		return fmt.Errorf("the ruleset has no base chain")
	}
	l.resolve(begins)
	return nil
}

// size is about how many ops the ruleset has for the family, and how many rules.
func (l *linker) size(r *compiler.Ruleset) (ops, rules int) {
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			if !slices.ContainsFunc(rule.Instructions, func(i compiler.Instruction) bool { return !i.RunsFor(l.family) }) {
				ops += max(1, len(rule.Instructions))
			}
		}
		ops++
		rules += len(c.Rules)
	}
	return ops, rules
}

// rule adds the ops of a rule, and returns which is the last. A rule that breaks for all
// packets of the family before it does anything is left out: -1.
func (l *linker) rule(r compiler.Rule) (last int32, err error) {
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
	last = int32(len(l.ops) - 1)
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
		for _, t := range []*ports{d.tcp, d.udp} {
			for i := 0; t != nil && i < len(t.to); i++ {
				t.to[i].resolve(begins)
			}
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
		return l.element(op{code: opUpdate, target: l.timeout(i.Timeout)}, i.Set, i.Key)
	case compiler.Delete:
		return l.element(op{code: opDelete}, i.Set, i.Key)
	case compiler.Spend:
		s, err := l.set(i.Set)
		l.spends = append(l.spends, s)
		return op{code: opSpend, target: uint32(len(l.spends) - 1)}, err
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
	s, err := l.set(name)
	if err != nil {
		return o, err
	}
	set, mask := number(&l.program.sets, s), number(&l.masks, newMask(k))
	if set > math.MaxUint8 {
		return o, fmt.Errorf("more than %d sets", math.MaxUint8+1)
	}
	o.set, o.mask, o.state = uint8(set), uint16(mask), k.State
	return o, nil
}

func (l *linker) set(name string) (*set, error) {
	s, ok := l.sets[name]
	if !ok {
		return nil, fmt.Errorf("no set %q", name)
	}
	return s, nil
}

// number is which of some things one is; it is added if it is none. They are few.
func number[T comparable](all *[]T, one T) int {
	n := slices.Index(*all, one)
	if n < 0 {
		n = len(*all)
		*all = append(*all, one)
	}
	return n
}

// timeout is the number of a timeout.
func (l *linker) timeout(d time.Duration) uint32 {
	lasts := l.clock.lasts(d)
	n, known := l.lasts[lasts]
	if !known {
		n = uint32(len(l.program.lasts))
		l.lasts[lasts] = n
		l.program.lasts = append(l.program.lasts, lasts)
	}
	return n
}

func (l *linker) dispatch(i compiler.Dispatch) (op, error) {
	to := make([]destination, len(i.Entries))
	for n, e := range i.Entries {
		var err error
		if to[n], err = l.verdict(e.Verdict); err != nil {
			return op{}, err
		}
	}
	l.dispatches = append(l.dispatches, &dispatch{
		tcp: newPorts(i.Entries, to, compiler.ProtoTCP),
		udp: newPorts(i.Entries, to, compiler.ProtoUDP),
	})
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
func checkDepth(r *compiler.Ruleset, chains map[string]uint32) error {
	depths := make([]int, len(r.Chains)) // of each chain, counted from 1; 0: unknown
	var err error
	var follow func(n uint32, depth int)
	follow = func(n uint32, depth int) {
		if depth > maxJumps {
			err = fmt.Errorf("chain %q is more than %d chains away from a base chain", r.Chains[n].Name, maxJumps)
			return
		}
		depths[n] = depth
		r.Chains[n].Refs(func(to compiler.Ref) {
			next, known := chains[to.Name]
			if to.Kind == compiler.RefChain && known && depths[next] <= depth {
				follow(next, depth+1)
			}
		})
	}
	for n, c := range r.Chains {
		if c.Hook != nil {
			follow(uint32(n), 1)
		}
	}
	return err
}
