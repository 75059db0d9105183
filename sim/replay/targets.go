package replay

import (
	"slices"
	"strings"

	"knockc/lang"
	"knockc/sim"
)

// targets knows what a policy has at each destination.
type targets struct {
	policy *lang.Policy
	single map[destination]*target // steps, and services of one port
	ranges []guarded               // services of several ports
	known  map[destination]*target // all that was asked for
}

// destination is a port, or the length of a ping.
type destination struct {
	proto lang.Proto
	port  int
}

// target is what a policy has at a destination.
type target struct {
	steps    []listening
	services []guarded
	open     int // index in the policy's `open` services, -1 if it is none
}

// listening is a step of a knock.
type listening struct {
	knock   *lang.Knock
	closing bool
	step    int // from 1
}

// sequence is the one that the step belongs to.
func (l listening) sequence() []lang.Step {
	if l.closing {
		return l.knock.Close
	}
	return l.knock.Steps
}

// isLast reports whether the step is the last of its sequence.
func (l listening) isLast() bool { return l.step == len(l.sequence()) }

// guarded is a service of a knock.
type guarded struct {
	knock   *lang.Knock
	service int // index
}

func (g guarded) Service() lang.Service { return g.knock.Services[g.service] }

func newTargets(p *lang.Policy) *targets {
	t := &targets{policy: p, single: map[destination]*target{}, known: map[destination]*target{}}
	for _, k := range p.Knocks {
		t.sequence(k, k.Steps, false)
		t.sequence(k, k.Close, true)
		for i, s := range k.Services {
			if s.First != s.Last {
				t.ranges = append(t.ranges, guarded{k, i})
				continue
			}
			at := t.singleAt(destination{s.Proto, int(s.First)})
			at.services = append(at.services, guarded{k, i})
		}
	}
	return t
}

func (t *targets) sequence(k *lang.Knock, steps []lang.Step, closing bool) {
	for i, s := range steps {
		d := destination{s.Proto, int(s.Port)}
		if s.Proto == lang.Ping {
			d.port = s.Length
		}
		at := t.singleAt(d)
		at.steps = append(at.steps, listening{k, closing, i + 1})
	}
}

func (t *targets) singleAt(d destination) *target {
	at := t.single[d]
	if at == nil {
		at = &target{}
		t.single[d] = at
	}
	return at
}

// of is what a packet is addressed to.
func (t *targets) of(p *sim.Packet) *target {
	d := destination{p.Proto, int(p.DstPort)}
	if p.Proto == lang.Ping {
		d.port = p.Length
	}
	at := t.known[d]
	if at == nil {
		at = t.find(d)
		t.known[d] = at
	}
	return at
}

func (t *targets) find(d destination) *target {
	at := &target{open: -1}
	for _, from := range []destination{d, {lang.Ping, lang.AnyLength}} {
		if one := t.single[from]; one != nil && from.proto == d.proto {
			at.steps = append(at.steps, one.steps...)
			at.services = append(at.services, one.services...)
		}
	}
	if d.proto == lang.Ping {
		return at
	}
	for _, g := range t.ranges {
		if g.Service().Has(d.proto, uint16(d.port)) {
			at.services = append(at.services, g)
		}
	}
	at.open = slices.IndexFunc(t.policy.Settings.OpenToAll(), func(s lang.Service) bool { return s.Has(d.proto, uint16(d.port)) })
	return at
}

// isAttempt reports whether a packet outside of any flow is a connection attempt.
func isAttempt(p *sim.Packet) bool {
	return !p.Broadcast && (p.Proto != lang.TCP || p.Flags&(lang.SYN|lang.FIN|lang.RST|lang.ACK) == lang.SYN)
}

// comesFrom is the index of the prefix that holds the packet's source; -1 if none
// does.
func comesFrom(prefixes []lang.Prefix, p *sim.Packet) int {
	return slices.IndexFunc(prefixes, func(prefix lang.Prefix) bool { return prefix.Contains(p.Src) })
}

// arrivesOn is the index of the interface, or pattern, that the packet arrives on;
// -1 if there is none.
func arrivesOn(ifaces []lang.Iface, p *sim.Packet) int {
	return slices.IndexFunc(ifaces, func(i lang.Iface) bool {
		return p.Iface == i.Name || i.Wildcard && strings.HasPrefix(p.Iface, i.Name)
	})
}

// trusts reports whether who sent the packet need not knock.
func trusts(s *lang.Settings, p *sim.Packet) bool {
	return comesFrom(s.TrustPrefixes, p) >= 0 || arrivesOn(s.TrustIfaces, p) >= 0
}

// keepsOut is the clause by which a knock does not admit a packet; "" if it does.
func keepsOut(k *lang.Knock, p *sim.Packet) string {
	switch {
	case len(k.From) > 0 && comesFrom(k.From, p) < 0:
		return "from"
	case len(k.On) > 0 && arrivesOn(k.On, p) < 0:
		return "on"
	}
	return ""
}
