package replay

import (
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// targets knows what a policy has at each destination.
type targets struct {
	policy *lang.Policy
	single map[destination]*target // steps, and services of one port
	ranges []guarded               // services of several ports
	opens  []opened

	// All that was asked for: of TCP and UDP by port, of pings by length.
	ports [2][]*target
	pings map[int]*target
}

// destination is a port, or the length of a ping.
type destination struct {
	proto lang.Proto
	port  int
}

// target is what a policy has at a destination, at whatever address.
type target struct {
	steps    []listening
	services []guarded
	opens    []opened
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

// opened is a service of an `open` declaration.
type opened struct {
	declaration *lang.Open
	service     lang.Service
	number      int // among the services of all declarations
}

// opens are the services of all `open` declarations.
func opens(s *lang.Settings) (all []opened) {
	for i := range s.Open {
		for _, service := range s.Open[i].Services {
			all = append(all, opened{&s.Open[i], service, len(all)})
		}
	}
	return all
}

// String is the service as written in an `open`.
func (o opened) String() string { return fmt.Sprintf("open %s%s", o.service, admits(o.declaration)) }

// admits are the clauses of a declaration.
func admits(o *lang.Open) string {
	var b strings.Builder
	for i, p := range o.From {
		if i == 0 {
			b.WriteString(" from")
		}
		fmt.Fprintf(&b, " %s", p.Prefix)
	}
	for i, name := range o.On {
		if i == 0 {
			b.WriteString(" on")
		}
		fmt.Fprintf(&b, " %s", name)
	}
	return b.String()
}

func newTargets(p *lang.Policy) *targets {
	t := &targets{policy: p, single: map[destination]*target{}, opens: opens(&p.Settings), pings: map[int]*target{}}
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
	if p.Proto == lang.Ping {
		if t.pings[p.Length] == nil {
			t.pings[p.Length] = t.find(destination{p.Proto, p.Length})
		}
		return t.pings[p.Length]
	}
	ports := &t.ports[p.Proto]
	if *ports == nil {
		*ports = make([]*target, 1<<16)
	}
	at := &(*ports)[p.DstPort]
	if *at == nil {
		*at = t.find(destination{p.Proto, int(p.DstPort)})
	}
	return *at
}

// nothing is what a policy has at most destinations.
var nothing = &target{}

func (t *targets) find(d destination) *target {
	var at target
	for _, from := range []destination{d, {lang.Ping, lang.AnyLength}} {
		if one := t.single[from]; one != nil && from.proto == d.proto {
			at.steps = append(at.steps, one.steps...)
			at.services = append(at.services, one.services...)
		}
	}
	for _, g := range t.ranges {
		if g.Service().Has(d.proto, uint16(d.port)) {
			at.services = append(at.services, g)
		}
	}
	for _, o := range t.opens {
		if o.service.Has(d.proto, uint16(d.port)) {
			at.opens = append(at.opens, o)
		}
	}
	if len(at.steps)+len(at.services)+len(at.opens) == 0 {
		return nothing
	}
	return &at
}

// stepsOf are the steps that the packet goes to.
func (t *targets) stepsOf(p *sim.Packet) []listening {
	all := t.of(p).steps
	if !p.GoesOn() {
		return all
	}
	var some []listening
	for _, l := range all {
		if t.concerns(l.knock, p) {
			some = append(some, l)
		}
	}
	return some
}

// servicesOf are the services that the packet goes to.
func (t *targets) servicesOf(p *sim.Packet) []guarded {
	return slices.DeleteFunc(slices.Clone(t.of(p).services), func(g guarded) bool {
		if len(g.knock.At) == 0 {
			return p.GoesOn()
		}
		return !t.isAt(g.knock, p)
	})
}

// offers reports whether a trusted source may go there without a knock: a port of the
// host is a service at whatever address.
func (t *targets) offers(p *sim.Packet) bool {
	return slices.ContainsFunc(t.of(p).services, func(g guarded) bool {
		return t.seen(p) && len(g.knock.At) == 0 || t.isAt(g.knock, p)
	})
}

// openFor is an `open` declaration that admits the packet, with the first service of it
// that the packet goes to; nil if there is none. They apply only to the host.
func (t *targets) openFor(p *sim.Packet) *opened {
	all := t.of(p).opens
	for i := range all {
		o := all[i].declaration
		if !p.GoesOn() && (len(o.From) == 0 || comesFrom(o.From, p) >= 0) && (len(o.On) == 0 || arrivesOn(o.On, p) >= 0) {
			return &all[i]
		}
	}
	return nil
}

// concerns reports whether the packet is addressed to the host, or to an address that the
// knock has by `at`.
func (t *targets) concerns(k *lang.Knock, p *sim.Packet) bool {
	return !p.GoesOn() || t.isAt(k, p)
}

// isAt reports whether the packet is addressed to an address that the knock has by `at`.
func (t *targets) isAt(k *lang.Knock, p *sim.Packet) bool {
	return t.seen(p) && p.To.IsValid() && slices.ContainsFunc(k.At, func(prefix lang.Prefix) bool { return prefix.Contains(p.To) })
}

// seen reports whether the rules see the packet: with `hook input` none that goes on.
func (t *targets) seen(p *sim.Packet) bool {
	return !p.GoesOn() || t.policy.Settings.Hook != lang.HookInput
}

// comesFrom is the index of the prefix that holds the packet's source; -1 if none
// does.
func comesFrom(prefixes []lang.Prefix, p *sim.Packet) int {
	return slices.IndexFunc(prefixes, func(prefix lang.Prefix) bool { return prefix.Contains(p.Src) })
}

// arrivesOn is the index of the interface, or pattern, that the packet arrives on;
// -1 if there is none.
func arrivesOn(ifaces []lang.Iface, p *sim.Packet) int {
	return slices.IndexFunc(ifaces, func(i lang.Iface) bool { return i.Has(p.Iface) })
}

// trusts reports whether the sender of the packet need not knock.
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
