package sim

import (
	"net/netip"
	"time"

	"knockc/compiler"
)

// Machine is a host that has loaded a ruleset.
type Machine struct {
	base    *chain
	sets    map[string]*set
	flows   conntrack
	run     run
	changes []Change // of the last packet
}

// New loads a ruleset into a machine whose sets are empty. A ruleset that
// names a set or chain that it does not have is an error.
func New(r *compiler.Ruleset) (*Machine, error) {
	m := &Machine{sets: map[string]*set{}, flows: conntrack{}}
	for _, s := range r.Sets {
		m.sets[s.Name] = newSet(s.Name, s.Size)
	}
	var err error
	m.base, err = link(r, m.sets)
	return m, err
}

// Packet runs the rules on a packet. It returns the verdict, Accept, Drop or
// Rejected, and what changed in the sets, which is valid until the next packet.
func (m *Machine) Packet(p *Packet) (compiler.VerdictKind, []Change) {
	m.run = run{machine: m, packet: p, state: m.flows.state(p)}
	m.changes = m.changes[:0]
	verdict := m.run.base(m.base)
	if verdict == compiler.Accept {
		m.flows.accepted(p, m.run.state)
	}
	return verdict, m.changes
}

// Expiry tells when the element with a source's key ends, or [Never]; false if it
// does not live at the given time, which must not be before the last packet's.
func (m *Machine) Expiry(setName string, k compiler.Key, src netip.Addr, at time.Duration) (time.Duration, bool) {
	s := m.sets[setName]
	if s == nil {
		return 0, false // a ruleset without the set has nothing to put in it
	}
	return s.expiry(keyOf(k, src), at)
}

// run is one packet's way through the rules.
type run struct {
	machine *Machine
	packet  *Packet
	state   compiler.ConnState
}

// outcome is what an instruction says.
type outcome struct {
	action action
	chain  *chain // of gotoChain and jump
}

type action int

const (
	next   action = iota // go on with the rule
	broken               // go on with the next rule
	accept
	drop
	reject
	gotoChain // go on with another chain
	jump      // run another chain, and go on with the next rule
	back      // go on behind the jump that led here
)

// base runs the base chain, whose policy is accept, and those that it leads to.
func (r *run) base(c *chain) compiler.VerdictKind {
	switch r.chain(c).action {
	case drop:
		return compiler.Drop
	case reject:
		return compiler.Rejected
	}
	return compiler.Accept
}

// chain runs a chain until a rule decides; back if none does.
func (r *run) chain(c *chain) outcome {
	for i := 0; i < len(c.rules); i++ {
		switch o := r.rule(c.rules[i]); o.action {
		case next, broken:
		case jump:
			if o := r.chain(o.chain); o.action != back {
				return o
			}
		case gotoChain:
			c, i = o.chain, -1
		default:
			return o
		}
	}
	return outcome{action: back}
}

// rule runs instructions until one breaks or decides.
func (r *run) rule(instructions []instruction) outcome {
	for _, instruction := range instructions {
		if o := instruction(r); o.action != next {
			return o
		}
	}
	return outcome{action: next}
}
