// Package spec states what the knock language means, once more and as simply
// as possible.
//
// [Model] is that meaning as a program: deadlines for each source and step, and
// a walk over the policy for each packet. It knows nothing of sets, chains or
// elements, and is written to be read, not to be fast. The package's tests give
// the same policies and packets to the model, to the simulator running the
// compiled rules, and to the Linux kernel that has loaded them; all three must
// give the same verdicts. The hand-written cases are in the folder cases, a
// policy and a trace in each file.
package spec

import (
	"net/netip"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
)

// Model is a host that guards its services as a policy says.
type Model struct {
	policy  *lang.Policy
	sources map[sourceOfKnock]*progress
	flows   map[flow]flowState
}

// sourceOfKnock is a source as one knock sees it.
type sourceOfKnock struct {
	knock string
	src   netip.Addr
}

// progress is how far a source has got with a knock.
type progress struct {
	deadlines []time.Duration // until which step i+1 counts as done
	open      time.Duration   // until which the door stands open
}

// NewModel makes a host to which nobody has knocked yet.
func NewModel(p *lang.Policy) *Model {
	return &Model{p, map[sourceOfKnock]*progress{}, map[flow]flowState{}}
}

// Packet decides about a packet that arrives at the given time, which is not
// before that of the packet before it.
func (m *Model) Packet(at time.Duration, p *trace.Packet) trace.Verdict {
	if m.established(at, p) {
		m.accepted(at, p)
		return trace.Accept
	}
	isStep := false
	for _, k := range m.policy.Knocks {
		if m.knock(at, k, p) {
			isStep = true
		}
	}
	if isStep {
		return trace.Drop
	}
	if m.guarded(p) && !m.granted(at, p) {
		return trace.Drop
	}
	m.accepted(at, p)
	return trace.Accept
}

// Open reports whether the door of a knock stands open for a source.
func (m *Model) Open(at time.Duration, knock string, src netip.Addr) bool {
	s := m.sources[sourceOfKnock{knock, src}]
	return s != nil && at < s.open
}

// knock moves a knock that listens to the packet's port, and reports whether it
// does. One packet moves each thread by one step at most: the last step looks
// first whether the one before it is done.
func (m *Model) knock(at time.Duration, k *lang.Knock, p *trace.Packet) bool {
	s := m.source(k, p.Src)
	listens := false
	for i := len(k.Steps) - 1; i >= 0; i-- {
		if k.Steps[i].Proto != p.Proto || k.Steps[i].Port != p.DstPort {
			continue
		}
		listens = true
		switch {
		case !isAttempt(p) || i > 0 && at >= s.deadlines[i-1]:
		case i == len(k.Steps)-1:
			s.open = at + k.Grant
		default:
			s.deadlines[i] = at + k.Within
		}
	}
	return listens
}

func (m *Model) source(k *lang.Knock, src netip.Addr) *progress {
	key := sourceOfKnock{k.Name.Text, src}
	if m.sources[key] == nil {
		m.sources[key] = &progress{deadlines: make([]time.Duration, len(k.Steps)-1)}
	}
	return m.sources[key]
}

// guarded reports whether the packet asks for a service of any knock.
func (m *Model) guarded(p *trace.Packet) bool {
	for _, k := range m.policy.Knocks {
		if isService(k, p) {
			return true
		}
	}
	return false
}

// granted reports whether a door that leads to the service stands open.
func (m *Model) granted(at time.Duration, p *trace.Packet) bool {
	for _, k := range m.policy.Knocks {
		if isService(k, p) && isAttempt(p) && m.Open(at, k.Name.Text, p.Src) {
			return true
		}
	}
	return false
}

func isService(k *lang.Knock, p *trace.Packet) bool {
	for _, s := range k.Services {
		if s.Has(p.Proto, p.DstPort) {
			return true
		}
	}
	return false
}

// isAttempt reports whether a packet outside of any flow is a connection
// attempt.
func isAttempt(p *trace.Packet) bool {
	return p.Proto == lang.UDP || p.Flags&(lang.SYN|lang.FIN|lang.RST|lang.ACK) == lang.SYN
}
