package sim

import (
	"fmt"
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

// Packet runs the rules on a packet. It returns the verdict, Accept or Drop,
// and what changed in the sets, which is valid until the next packet.
func (m *Machine) Packet(p *Packet) (compiler.VerdictKind, []Change) {
	m.run = run{machine: m, packet: p, state: m.flows.state(p)}
	m.changes = m.changes[:0]
	verdict := m.run.chain(m.base)
	if verdict == compiler.Accept {
		m.flows.accepted(p, m.run.state)
	}
	return verdict, m.changes
}

// Expiry tells when an element ends; false if it does not live at the given
// time, which must not be before the last packet's.
func (m *Machine) Expiry(setName string, src netip.Addr, state uint32, at time.Duration) (time.Duration, bool) {
	s := m.sets[setName]
	if s == nil {
		panic(fmt.Sprintf("sim: no set %q", setName))
	}
	return s.expiry(elementKey{src, state}, at)
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
	chain  *chain // of jump
}

type action int

const (
	next   action = iota // go on with the rule
	broken               // go on with the next rule
	accept
	drop
	jump // go on with another chain
)

// chain runs a chain and those that it goes to. The policy of the base chain is
// accept.
func (r *run) chain(c *chain) compiler.VerdictKind {
	for {
		switch o := r.rules(c); o.action {
		case accept, broken:
			return compiler.Accept
		case drop:
			return compiler.Drop
		case jump:
			c = o.chain
		}
	}
}

// rules runs rules until one decides; broken if none does.
func (r *run) rules(c *chain) outcome {
	for _, rule := range c.rules {
		for _, instruction := range rule {
			o := instruction(r)
			if o.action == broken {
				break
			}
			if o.action != next {
				return o
			}
		}
	}
	return outcome{action: broken}
}
