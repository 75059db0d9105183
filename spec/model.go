// Package spec states the meaning of the knock language again, as simply as possible.
//
// [Model] is that meaning as a program: deadlines for each source and step, and a walk
// over the policy for each packet. It does not know about sets, chains or elements, and
// is written to be read, not to be fast. The tests of the package give the same
// policies and packets to the model, to the simulator that runs the compiled rules, and
// to the Linux kernel that has loaded them. All three must give the same verdicts. The
// hand-written cases are in the folder cases, with a policy and a trace in each file.
package spec

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Model is a host that guards its services as a policy says.
type Model struct {
	Start int64 // what a clock shows when the trace begins, in Unix time

	policy  *lang.Policy
	spent   map[code]bool
	sources map[sourceOfKnock]*source
	flows   map[flow]flowState
}

// sourceOfKnock is a source as one knock sees it.
type sourceOfKnock struct {
	knock string
	src   netip.Prefix
}

// NewModel makes a host. No source has knocked yet.
func NewModel(p *lang.Policy) *Model {
	return &Model{policy: p, spent: map[code]bool{}, sources: map[sourceOfKnock]*source{}, flows: map[flow]flowState{}}
}

// Packet decides about a packet that arrives at the given time, which must not be
// before that of the previous packet.
func (m *Model) Packet(at time.Duration, p *trace.Packet) trace.Verdict {
	verdict := m.decide(at, p)
	known := m.live(at, p) || p.Answered != nil || p.Unanswered != nil
	if verdict == trace.Accept || verdict == trace.Pass && known {
		m.accepted(at, p)
	}
	return verdict
}

// decide is the order in which a packet meets the policy.
func (m *Model) decide(at time.Duration, p *trace.Packet) trace.Verdict {
	established := m.established(at, p)
	switch {
	case p.To != nil && m.policy.Settings.Hook == lang.HookInput:
		return trace.Pass
	case iface(p) == "lo", established && !m.maybeAttempt(p):
		return trace.Accept
	case m.trusts(p) && m.offers(p):
		return trace.Accept
	case m.trusts(p):
		return m.rest(at, p)
	}
	if m.isAttempt(at, p) {
		for _, k := range m.policy.Knocks {
			m.attempt(at, k, p)
		}
	}
	switch {
	case !m.guards(p):
		return m.rest(at, p)
	case m.isOpenFor(p):
		return trace.Accept
	case m.isAttempt(at, p) && m.letsIn(at, p):
		return trace.Accept
	}
	return m.refuse(at, p)
}

// maybeAttempt reports whether a packet may be an attempt although it belongs to a flow.
func (m *Model) maybeAttempt(p *trace.Packet) bool {
	return isSYN(p) || p.Proto == lang.Ping && slices.ContainsFunc(m.policy.Knocks, listensToPings)
}

// isAttempt reports whether a packet is an attempt. A SYN is one at a step or
// at a service whatever it is part of, else if it is part of nothing.
func (m *Model) isAttempt(at time.Duration, p *trace.Packet) bool {
	switch {
	case p.Proto != lang.TCP:
		return true
	case !isSYN(p):
		return false
	case m.isStep(p), m.guards(p):
		return true
	}
	return !m.established(at, p)
}

// refuse is what becomes of a packet to a service that may not go there. Nothing that
// may belong to a connection is answered: a reset would end it.
func (m *Model) refuse(at time.Duration, p *trace.Packet) trace.Verdict {
	if m.policy.Settings.RefuseReject && !m.established(at, p) && m.isNew(at, p) {
		return trace.Reject
	}
	return trace.Drop
}

// rest decides about a packet that is nothing to any service of a knock.
func (m *Model) rest(at time.Duration, p *trace.Packet) trace.Verdict {
	dhcpAnswer := p.Proto == lang.UDP && p.DstPort == 546 && netip.MustParsePrefix("fe80::/10").Contains(p.Src)
	switch {
	case p.To != nil:
		return trace.Pass
	case m.isOpenFor(p):
		return trace.Accept
	case !m.policy.Settings.DefaultDrop:
		return trace.Pass
	case p.Proto == lang.Ping, dhcpAnswer, m.established(at, p):
		return trace.Accept
	}
	return trace.Drop
}

// attempt resets and moves a knock, if it listens to the source there. The
// closing sequence moves first. A step that needs a code does nothing without one, and
// takes it before anything else is asked.
func (m *Model) attempt(at time.Duration, k *lang.Knock, p *trace.Packet) {
	if !concerns(k, p) || takesCode(k, p) && !m.spends(at, k, p) || !admits(k, p) || p.Proto == lang.Ping && !listensToPings(k) {
		return
	}
	s := m.source(k, p.Src)
	if k.Reset.Mode == lang.ResetAny || k.Reset.Mode == lang.ResetKnown && m.isStep(p) {
		m.reset(at, k, s, p)
	}
	closes := s.closing.move(at, k, k.Close, p)
	if closes {
		s.end()
	}
	if s.opening.move(at, k, k.Steps, p) && !closes {
		s.open = after(at, k.Grant)
	}
}

// reset ends the progress in the sequences that the attempt is wrong for.
func (m *Model) reset(at time.Duration, k *lang.Knock, s *source, p *trace.Packet) {
	if isService(k.Services, p) || takesCode(k, p) || m.isOpenFor(p) {
		return
	}
	opening := s.opening.wrong(at, k.Steps, p) && !isAt(k.Close, p)
	closing := s.closing.wrong(at, k.Close, p) && !isAt(k.Steps, p)
	if opening {
		s.opening.reset()
	}
	if closing {
		s.closing.reset()
	}
	if opening && k.Reset.Revoke {
		s.end()
	}
}

// letsIn reports whether a grant lets an attempt in, and ends those that hold for
// one attempt.
func (m *Model) letsIn(at time.Duration, p *trace.Packet) bool {
	granted := false
	for _, k := range m.policy.Knocks {
		s := m.source(k, p.Src)
		if !guards(k, p) || at >= s.open {
			continue
		}
		granted = true
		if k.Once {
			s.end()
		}
	}
	return granted
}

// Open reports whether the door of a knock is open for a source.
func (m *Model) Open(at time.Duration, knock string, src netip.Addr) bool {
	return at < m.source(m.knock(knock), src).open
}

// Step is the furthest step of a knock's sequence that a source has done in time, 0 if
// there is none.
func (m *Model) Step(at time.Duration, knock string, src netip.Addr) int {
	return m.source(m.knock(knock), src).opening.furthest(at)
}

func (m *Model) knock(name string) *lang.Knock {
	i := slices.IndexFunc(m.policy.Knocks, func(k *lang.Knock) bool { return k.Name.Text == name })
	return m.policy.Knocks[i]
}

func (m *Model) source(k *lang.Knock, src netip.Addr) *source {
	bits := k.Per.IPv6
	if src.Is4() {
		bits = k.Per.IPv4
	}
	key := sourceOfKnock{k.Name.Text, netip.PrefixFrom(src, bits).Masked()}
	if m.sources[key] == nil {
		m.sources[key] = &source{opening: newProgress(k.Steps), closing: newProgress(k.Close)}
	}
	return m.sources[key]
}

// trusts reports whether who sends the packet need not knock.
func (m *Model) trusts(p *trace.Packet) bool {
	s := m.policy.Settings
	return isFrom(s.TrustPrefixes, p) || isOn(s.TrustIfaces, p)
}

// guards reports whether the packet asks for a service of any knock, where that is.
func (m *Model) guards(p *trace.Packet) bool {
	return slices.ContainsFunc(m.policy.Knocks, func(k *lang.Knock) bool { return guards(k, p) })
}

// guards reports whether the packet asks for a service of the knock, where that is: with
// `at` at the addresses given, else at the host.
func guards(k *lang.Knock, p *trace.Packet) bool {
	return isService(k.Services, p) && (len(k.At) == 0) == (p.To == nil) && concerns(k, p)
}

// offers reports whether a trusted source may go there without a knock: a port of the
// host is one at whatever address.
func (m *Model) offers(p *trace.Packet) bool {
	return slices.ContainsFunc(m.policy.Knocks, func(k *lang.Knock) bool {
		return isService(k.Services, p) && (len(k.At) == 0 || p.To != nil && concerns(k, p))
	})
}

// isStep reports whether the packet goes to a step of any knock.
func (m *Model) isStep(p *trace.Packet) bool {
	return slices.ContainsFunc(m.policy.Knocks, func(k *lang.Knock) bool { return concerns(k, p) && isAt(k.AllSteps(), p) })
}

// isOpenFor reports whether an `open` admits the packet. It applies only to the host.
func (m *Model) isOpenFor(p *trace.Packet) bool {
	return p.To == nil && slices.ContainsFunc(m.policy.Settings.Open, func(o lang.Open) bool {
		return isService(o.Services, p) && (len(o.From) == 0 || isFrom(o.From, p)) && (len(o.On) == 0 || isOn(o.On, p))
	})
}

// concerns reports whether the packet is addressed to the host, or to an address that the
// knock has by `at`.
func concerns(k *lang.Knock, p *trace.Packet) bool {
	return p.To == nil || slices.ContainsFunc(k.At, func(prefix lang.Prefix) bool { return prefix.Contains(p.To.Addr) })
}

// after is a deadline.
func after(at, lives time.Duration) time.Duration {
	if lives == lang.Forever {
		return math.MaxInt64
	}
	return at + lives
}

func isPing(s lang.Step) bool { return s.Proto == lang.Ping }

func listensToPings(k *lang.Knock) bool { return slices.ContainsFunc(k.AllSteps(), isPing) }

// isSYN reports whether a packet is a TCP segment that asks for a connection.
func isSYN(p *trace.Packet) bool {
	return p.Proto == lang.TCP && p.Flags.IsSYN()
}

// isAt reports whether the packet goes to one of the steps.
func isAt(steps []lang.Step, p *trace.Packet) bool {
	return slices.ContainsFunc(steps, func(s lang.Step) bool { return goesTo(p, s) })
}

func goesTo(p *trace.Packet, s lang.Step) bool {
	if p.Proto == lang.Ping {
		return isPing(s) && (s.Length == lang.AnyLength || s.Length == int(p.Ping.Length))
	}
	return s.Proto == p.Proto && s.Port == p.DstPort
}

func isService(services []lang.Service, p *trace.Packet) bool {
	return slices.ContainsFunc(services, func(s lang.Service) bool { return s.Has(p.Proto, p.DstPort) })
}

// admits reports whether the knock's `from` and `on` let the packet be an attempt, and it
// has a service that the source could reach.
func admits(k *lang.Knock, p *trace.Packet) bool {
	sameFamily := func(at lang.Prefix) bool { return at.Addr().Is4() == p.Src.Is4() }
	return (len(k.At) == 0 || slices.ContainsFunc(k.At, sameFamily)) && (len(k.From) == 0 || isFrom(k.From, p)) && (len(k.On) == 0 || isOn(k.On, p))
}

func isFrom(prefixes []lang.Prefix, p *trace.Packet) bool {
	return slices.ContainsFunc(prefixes, func(prefix lang.Prefix) bool { return prefix.Contains(p.Src) })
}

func isOn(ifaces []lang.Iface, p *trace.Packet) bool {
	return slices.ContainsFunc(ifaces, func(i lang.Iface) bool {
		return iface(p) == i.Name || i.Wildcard && strings.HasPrefix(iface(p), i.Name)
	})
}

// iface is the interface that the packet arrives on.
func iface(p *trace.Packet) string {
	if p.On == nil {
		return trace.DefaultIface
	}
	return p.On.Text
}
