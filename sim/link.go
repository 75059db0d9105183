package sim

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

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
	case compiler.Lookup:
		return l.lookup(i)
	case compiler.Update:
		return l.update(i)
	case compiler.Delete:
		return l.delete(i)
	case compiler.Dispatch:
		return l.dispatch(i)
	case compiler.Lengths:
		return l.lengths(i)
	case compiler.Verdict:
		o, err := l.verdict(i)
		return func(*run) outcome { return o }, err
	case compiler.Reject:
		return func(r *run) outcome {
			if i.Reset && r.packet.Proto != lang.TCP {
				return outcome{action: broken}
			}
			return outcome{action: reject}
		}, nil
	case compiler.Count, compiler.Log:
		return when(func(*run) bool { return true }), nil
	}
	if holds := match(i); holds != nil {
		return when(holds), nil
	}
	return nil, fmt.Errorf("unknown instruction %T", i)
}

// match is the condition of an instruction that looks at the packet alone; nil if
// it is none.
func match(i compiler.Instruction) func(*run) bool {
	switch i := i.(type) {
	case compiler.CtState:
		return func(r *run) bool { return (r.state&i.States != 0) != i.Not }
	case compiler.Iface:
		return func(r *run) bool {
			return r.packet.Iface == i.Name || i.Wildcard && strings.HasPrefix(r.packet.Iface, i.Name)
		}
	case compiler.L4Proto:
		return func(r *run) bool { return r.packet.l4Proto() == i.Number }
	case compiler.Ports:
		return func(r *run) bool {
			port := r.packet.DstPort
			return r.packet.Proto != lang.Ping && (i.First <= port && port <= i.Last) != i.Not
		}
	case compiler.TCPFlags:
		return func(r *run) bool {
			return r.packet.Proto == lang.TCP && (r.packet.Flags&i.Mask == i.Flags) != i.Not
		}
	case compiler.Local:
		return func(r *run) bool { return r.packet.Broadcast == i.Not }
	case compiler.Source:
		return func(r *run) bool {
			return slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(r.packet.Src) })
		}
	case compiler.ICMP:
		return func(r *run) bool {
			return r.packet.Proto == lang.Ping && r.isFamily(i.Family) && slices.Contains(i.Types, echoRequest[i.Family])
		}
	case compiler.Length:
		return func(r *run) bool {
			return r.isFamily(i.Family) && (r.packet.headerLength() == int(i.Bytes)) != i.Not
		}
	}
	return nil
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

// keyOf is a source's key in a set.
func keyOf(k compiler.Key, src netip.Addr) elementKey {
	if k.Bits < src.BitLen() {
		src = netip.PrefixFrom(src, k.Bits).Masked().Addr()
	}
	return elementKey{src, k.State}
}

func (l *linker) lookup(i compiler.Lookup) (instruction, error) {
	s, err := l.set(i.Set)
	return when(func(r *run) bool {
		if !r.isFamily(i.Key.Family) {
			return false
		}
		_, live := s.expiry(keyOf(i.Key, r.packet.Src), r.packet.Time)
		return live != i.Not
	}), err
}

func (l *linker) update(i compiler.Update) (instruction, error) {
	s, err := l.set(i.Set)
	return when(func(r *run) bool {
		if !r.isFamily(i.Key.Family) {
			return false
		}
		key := keyOf(i.Key, r.packet.Src)
		expires, ok := s.update(key, r.packet.Time, i.Timeout)
		if ok {
			r.machine.changes = append(r.machine.changes, Change{s.name, key.src, i.Key.State, expires, expires <= r.packet.Time})
		}
		return ok
	}), err
}

func (l *linker) delete(i compiler.Delete) (instruction, error) {
	s, err := l.set(i.Set)
	return when(func(r *run) bool {
		if !r.isFamily(i.Key.Family) {
			return false
		}
		key := keyOf(i.Key, r.packet.Src)
		if s.delete(key, r.packet.Time) {
			r.machine.changes = append(r.machine.changes, Change{s.name, key.src, i.Key.State, r.packet.Time, true})
		}
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
		proto, port := r.packet.l4Proto(), r.packet.DstPort
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

// lengths has few entries.
func (l *linker) lengths(i compiler.Lengths) (instruction, error) {
	outcomes := map[int]outcome{}
	for _, e := range i.Entries {
		o, err := l.verdict(e.Verdict)
		if err != nil {
			return nil, err
		}
		outcomes[int(e.Bytes)] = o
	}
	return func(r *run) outcome {
		if o, ok := outcomes[r.packet.headerLength()]; ok && r.isFamily(i.Family) {
			return o
		}
		return outcome{action: broken}
	}, nil
}

func (l *linker) verdict(v compiler.Verdict) (outcome, error) {
	switch v.Kind {
	case compiler.Accept:
		return outcome{action: accept}, nil
	case compiler.Drop:
		return outcome{action: drop}, nil
	case compiler.Return:
		return outcome{action: back}, nil
	}
	c, ok := l.chains[v.Chain]
	if !ok {
		return outcome{}, fmt.Errorf("no chain %q", v.Chain)
	}
	if v.Kind == compiler.Jump {
		return outcome{jump, c}, nil
	}
	return outcome{gotoChain, c}, nil
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
