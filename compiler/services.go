package compiler

import (
	"net/netip"
	"slices"

	"example.org/knockc/lang"
)

// guardedAt are the prefixes where one of some points is a service elsewhere.
func guardedAt(points ...*point) []lang.Prefix {
	return prefixesAt(points, func(p *point) []*lang.Knock { return p.guards })
}

// prefixesAt are the prefixes that the knocks of some points have by `at`.
func prefixesAt(points []*point, knocks func(*point) []*lang.Knock) []lang.Prefix {
	var all []lang.Prefix
	seen := map[*lang.Knock]bool{}
	for _, p := range points {
		for _, k := range knocks(p) {
			if !seen[k] {
				all = append(all, k.At...)
			}
			seen[k] = true
		}
	}
	return all
}

// hasAddresses reports whether the point is a service elsewhere.
func (p *point) hasAddresses() bool {
	return slices.ContainsFunc(p.guards, func(k *lang.Knock) bool { return len(k.At) > 0 })
}

// isElsewhere reports whether no knock guards the point at every address of the host.
func (p *point) isElsewhere() bool {
	return !slices.ContainsFunc(p.guards, func(k *lang.Knock) bool { return len(k.At) == 0 })
}

// servicesAt are the services that have addresses.
func (b *builder) servicesAt() []*point {
	return slices.DeleteFunc(slices.Clone(b.services), func(p *point) bool { return !p.hasAddresses() })
}

// dispatchServicesAt sends packets to the chains of the ports of such services.
func (b *builder) dispatchServicesAt(c *Chain, condition ...Instruction) {
	c.dispatch("services_at", "the same at the addresses of `at`",
		entries(b.servicesAt(), func(p *point) Verdict { return jump(askedChain(p)) }), condition...)
}

// destinations are conditions, one for each family that has any of the prefixes.
func destinations(at []lang.Prefix) []Destination {
	var all []Destination
	for _, f := range Families {
		if some := ofFamily(distinctPrefixes(at), f); len(some) > 0 {
			all = append(all, Destination{f, some})
		}
	}
	return all
}

// destinationsOf are the destinations of a knock's `at`.
func (b *builder) destinationsOf(k *lang.Knock) []Destination {
	all, ok := b.destinations[k]
	if !ok {
		all = destinations(k.At)
		b.destinations[k] = all
	}
	return all
}

func ofFamily(prefixes []netip.Prefix, f Family) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(p netip.Prefix) bool { return FamilyOf(p.Addr()) != f })
}

// needs reports whether a service uses the protocol.
func (b *builder) needs(proto lang.Proto) bool {
	return slices.ContainsFunc(b.services, func(p *point) bool { return p.Proto == proto })
}

// serviceChains decide about packets to services.
func (b *builder) serviceChains() {
	if len(b.services) == 0 {
		return
	}
	b.asked()
	b.attempts()
	for _, p := range b.services {
		if b.room.full {
			return
		}
		if p.hasAddresses() {
			b.askedAt(p)
		}
		b.service(p)
		if p.hasOnce() {
			b.letInOnce(p)
		}
	}
	if b.notes() {
		b.letIn()
	}
}

// notes reports whether it is noted who is let in, for what comes after a translation.
func (b *builder) notes() bool { return b.policy.Settings.Hook == lang.HookPrerouting }

// asked looks where a packet to a service is addressed to. Packets that go on to others
// are left alone. So are those to all, which a bridge may hand on: the host's own copy is
// refused when it arrives. (One chain does that for all ports, since a chain that a reload
// has just made is empty for a packet that is on its way.)
func (b *builder) asked() {
	if slices.ContainsFunc(b.services, (*point).isElsewhere) {
		c := b.chain(elsewhere("asked"), "a service, at an address that is guarded?")
		b.askedElsewhere(c)
		if b.notes() {
			b.goesOn(c)
		}
	}
	if !slices.ContainsFunc(b.services, func(p *point) bool { return !p.isElsewhere() }) {
		return
	}
	c := b.chain("asked", "a service, of the host itself?")
	b.askedElsewhere(c)
	c.dispatch("services", "decisions about a port", b.decisions(), b.toTheHost()...)
	c.add("", to("lost"))
	c = b.chain("lost", "to a service of the host, but not an attempt, or lost during a reload")
	if !b.notes() {
		b.opensToAll(c)
		c.add("", b.refuse())
		return
	}
	for _, kind := range []AddrKind{AddrLocal, AddrAnycast} {
		c.add("", AddrType{Kind: kind}, b.refuse())
	}
	b.goesOn(c)
}

// letInPlace is where it is noted that the guard has let a source in just now.
var letInPlace = Place{Kind: LetIn, Per: lang.Per{IPv4: 32, IPv6: 128}}

// goesOn ends the chain of packets to other hosts. They were not let in: if they are
// translated to a service of the host, it is decided about them there.
func (b *builder) goesOn(c *Chain) {
	for _, f := range Families {
		c.add("", Delete{letInPlace.Key(f), letInPlace.Kind.SetName(f)})
	}
}

// letIn notes whom the guard lets in, in rules of their own: the set may be full.
func (b *builder) letIn() {
	c := b.chain("let_in", "noted for a translation that may follow")
	for _, f := range Families {
		c.add("", update(letInPlace, f, slack))
	}
	c.add("", accept)
}

// welcome is the verdict about what is let in.
func (b *builder) welcome() Verdict {
	if b.notes() {
		return to("let_in")
	}
	return accept
}

// askedElsewhere sends packets to the addresses of `at` on.
func (b *builder) askedElsewhere(c *Chain) {
	for _, d := range destinations(guardedAt(b.servicesAt()...)) {
		b.dispatchServicesAt(c, d)
	}
}

func askedChain(p *point) string { return p.Chain() + "_asked" }

// askedAt is asked for a port that is a service elsewhere.
func (b *builder) askedAt(p *point) {
	c := b.chain(askedChain(p), "a service, at an address that is guarded?")
	for _, d := range destinations(guardedAt(p)) {
		c.add("", d, jump(p.Chain()))
		c.add("", d, b.refuse())
	}
}

func attemptChain(proto lang.Proto) string { return "attempt_" + proto.String() }

// attempts are the chains that refuse what is no attempt at a service. A segment that is
// too short to have flags is none.
func (b *builder) attempts() {
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		if !b.needs(proto) {
			continue
		}
		c := b.chain(attemptChain(proto), "packets that are not attempts are refused")
		if proto == lang.TCP {
			c.add("", isSYN, isValid, leave)
		} else {
			c.add("", isNew, leave)
		}
		c.add("", b.refuse())
	}
}

// ManyGuards is how many knocks may guard a port before a source without any grant is
// spared the search for one: so such a packet meets a bounded number of rules.
const ManyGuards = 8

// service decides about packets to a service, at an address where it is one. The last
// rule refuses what no other accepts; it stands alone because an update of a full set
// ends its rule.
func (b *builder) service(p *point) {
	c := b.chain(p.Chain(), p.comment())
	here := b.here(p)
	if len(p.opens) > 0 && !p.isOpenToAll() {
		b.admits(c, p, here, b.welcome())
	}
	c.add("", jump(attemptChain(p.Proto)))
	refused := []Instruction{Count{RefusedCounter(p.Point)}, b.refuse()}
	if len(p.guards) > ManyGuards {
		for _, f := range Families {
			var none []condition
			for _, l := range b.doors.lookups(f, p.guards, grantOf) {
				l.Not = true
				none = append(none, l)
			}
			b.whenAll(c, nil, none, "no door is open", refused...)
		}
	}
	verdict := b.welcome()
	if p.hasOnce() {
		verdict = to(letInChain(p))
	}
	for _, k := range p.guards {
		b.grants(c, here, k, ForService, Count{LetInCounter(k.Name.Text)}, verdict)
	}
	c.add("", refused...)
}

// grants adds rules for those who hold a grant of the knock, at addresses where it guards
// a point. The condition here says that a packet is addressed to the host itself.
func (b *builder) grants(c *Chain, here []Instruction, k *lang.Knock, purpose Purpose, then ...Instruction) {
	b.room.use(k.Name.Span)
	l := Legend{For: purpose, Knock: k.Name.Text}
	comment := l.Comment()
	for _, f := range Families {
		if len(k.At) == 0 {
			c.add(comment, slices.Concat(here, []Instruction{lookup(b.states(k).grant, f)}, then)...)
			continue
		}
		for _, d := range b.destinationsOf(k) {
			if d.Family == f {
				l.At = prefixTexts(d.Prefixes)
				c.add(l.Comment(), append([]Instruction{d, lookup(b.states(k).grant, f)}, then...)...)
			}
		}
	}
}

// here is the condition that a packet is addressed to the host itself, if that is not
// so of all that come to the point's chain.
func (b *builder) here(p *point) []Instruction {
	if p.hasAddresses() {
		return b.toTheHost()
	}
	return nil
}

// hasOnce reports whether to let someone in at the point ends a grant.
func (p *point) hasOnce() bool {
	return slices.ContainsFunc(p.guards, func(k *lang.Knock) bool { return k.Once })
}

func letInChain(p *point) string { return p.Chain() + "_let_in" }

// letInOnce ends the grants that hold for one attempt only.
func (b *builder) letInOnce(p *point) {
	c := b.chain(letInChain(p), "let in, once")
	here := b.here(p)
	for _, k := range p.guards {
		if k.Once {
			b.grants(c, here, k, ForOnce, b.ending(ending{knock: k, opening: true, grant: true}))
		}
	}
	c.add("", b.welcome())
}

// refuse is the verdict about refused packets.
func (b *builder) refuse() Verdict {
	if b.policy.Settings.RefuseReject {
		return to("refuse")
	}
	return Verdict{Kind: Drop}
}

// refusal answers new packets. One in a connection may be forged, or late: a reset would
// end the connection.
func (b *builder) refusal() {
	if b.policy.Settings.RefuseReject && len(b.services) > 0 {
		c := b.chain("refuse", "answer as a closed port does")
		c.add("", CtState{States: StateNew, Not: true}, Verdict{Kind: Drop})
		c.add("", Reject{Reset: true})
		c.add("", Reject{})
	}
}
