package sim

import (
	"net/netip"
	"time"

	"example.org/knockc/compiler"
)

// Machine is a host that has loaded a ruleset.
type Machine struct {
	programs [2]*program // by family; that of IPv6 is made for its first packet
	ruleset  *compiler.Ruleset
	chains   map[string]uint32 // see chainNumbers
	sets     map[string]*set
	flows    conntrack
	clock    Clock
	run      run
	changes  []Change // of the last packet
}

// New loads a ruleset into a machine whose sets are empty and whose clock is exact.
// A ruleset that names a set or chain that it does not have is an error.
func New(r *compiler.Ruleset) (*Machine, error) { return newMachine(r, Clock{}) }

// NewTicking is New with another clock.
func NewTicking(r *compiler.Ruleset, c Clock) (*Machine, error) { return newMachine(r, c) }

func newMachine(r *compiler.Ruleset, c Clock) (*Machine, error) {
	c.Unknown = c.Unknown && c.HZ != 0
	m := &Machine{ruleset: r, chains: chainNumbers(r), sets: map[string]*set{}, clock: c, run: run{counts: 1}}
	if c.Unknown {
		m.run.ways = &ways{tick: c.unknown()}
	}
	for _, s := range r.Sets {
		m.sets[s.Name] = newSet(s, c)
	}
	if err := checkDepth(r, m.chains); err != nil {
		return m, err
	}
	return m, m.link(compiler.IPv4)
}

// program is what packets of a family run.
func (m *Machine) program(f compiler.Family) *program {
	if m.programs[f] == nil {
		if err := m.link(f); err != nil {
			panic(err) // IPv4 had none
		}
	}
	return m.programs[f]
}

// Packet runs the rules on a packet. It returns the verdict, Accept, Passed, Drop or
// Rejected, and what changed in the sets, which is valid until the next packet.
func (m *Machine) Packet(p *Packet) (compiler.VerdictKind, []Change) {
	m.changes = m.changes[:0]
	r := m.begin(p)
	var verdict compiler.VerdictKind
	if r.ways == nil {
		verdict = m.oneWay(r)
	} else {
		verdict = m.allWays(r)
	}
	return verdict, m.changes
}

// oneWay sends a packet through the rules.
func (m *Machine) oneWay(r *run) compiler.VerdictKind {
	r.flow = m.flows.live(r)
	r.state = m.flows.state(r)
	verdict := m.program(r.family()).run(r)
	switch verdict {
	case compiler.Accept:
		m.flows.accepted(r)
	case compiler.Passed:
		m.flows.passed(r)
	default:
		m.flows.refused(r)
	}
	return verdict
}

// Tracked is the state that connection tracking gave the last packet of [Machine.Packet];
// 0 if that depends on the tick.
func (m *Machine) Tracked() compiler.ConnState { return m.run.state }

// Answer says that the host has sent a packet of a flow. p has the addresses and ports
// of a packet that arrives in that flow, and the flags that the host has sent. A flow
// that was let in is established from then on, or over if the answer is a RST. A SYN,
// or a datagram that answers none, begins a flow of the host's own: packets that arrive
// in it are established. The phase of the clock must be known.
func (m *Machine) Answer(p *Packet) { m.flows.answered(m.begin(p)) }

// Forget forgets all flows, like a host whose connection tracking table is flushed.
func (m *Machine) Forget() { m.flows = conntrack{} }

// Knows reports whether the packet's addresses and ports are those of a flow that was let
// in, or that the host has begun.
func (m *Machine) Knows(p *Packet) bool { return m.flows.live(m.begin(p)) != nil }

func (m *Machine) begin(p *Packet) *run {
	r := &m.run
	r.machine, r.packet, r.now, r.v6 = m, p, m.clock.begin(p.Time), !p.Src.Is4()
	r.hi, r.lo = words(p.Src)
	r.flow = nil
	return r
}

// Find is the element with a source's key; false if it does not live at the given time,
// which must not be before the time of the last packet.
func (m *Machine) Find(setName string, k compiler.Key, src netip.Addr, at time.Duration) (Element, bool) {
	s := m.sets[setName]
	if s == nil {
		return Element{}, false // a ruleset without the set has nothing to put in it
	}
	return m.element(s, keyOf(k, src), min(at, last))
}

func (m *Machine) element(s *set, k key, now time.Duration) (Element, bool) {
	l := s.life(k)
	e := Element{s.name, k.address(s.v6), uint32(k.id), l.until, s.doubt(k, l, now, &Packet{})}
	if w := m.run.ways; w != nil && w.lost != nil {
		e.Doubt = w.lost
	}
	return e, now < l.until
}

// Element is a living element of a set.
type Element struct {
	Set     string
	Src     netip.Addr // cut as the key says
	State   uint32
	Expires time.Duration // [Never] if it does not end by itself; the latest that it can be
	Doubt   *Doubt        // about whether it lives
}

// Elements yields all elements with a source that live at the given time, in no order. The time must
// not be before that of the last packet.
func (m *Machine) Elements(at time.Duration) func(yield func(Element) bool) {
	now := min(at, last)
	return func(yield func(Element) bool) {
		for _, s := range m.sets {
			for k := range s.elements.all {
				if s.codes {
					break
				}
				if e, lives := m.element(s, k, now); lives && !yield(e) {
					return
				}
			}
		}
	}
}

// Runs says how often each rule of each chain was run to its end.
func (m *Machine) Runs() map[string][]uint64 {
	runs := map[string][]uint64{}
	for _, program := range m.programs {
		if program == nil {
			continue
		}
		rules := program.rules
		for _, c := range m.ruleset.Chains {
			if runs[c.Name] == nil {
				runs[c.Name] = make([]uint64, len(c.Rules))
			}
			for i, last := range rules[:len(c.Rules)] {
				if last >= 0 {
					runs[c.Name][i] += program.ops[last].runs
				}
			}
			rules = rules[len(c.Rules):]
		}
	}
	return runs
}

// run is one packet's way through the rules.
type run struct {
	machine *Machine
	program *program
	packet  *Packet
	now     time.Duration // by the machine's clock
	v6      bool
	hi, lo  uint64 // the source
	counts  uint64 // what a rule that is run to its end counts
	ways    *ways  // nil: the clock is known
	flow    *flow  // that the packet belongs to; nil if none was let in
	state   compiler.ConnState
}

func (r *run) family() compiler.Family {
	if r.v6 {
		return compiler.IPv6
	}
	return compiler.IPv4
}
