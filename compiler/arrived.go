package compiler

import (
	"slices"

	"example.org/knockc/lang"
)

// arrived is the base chain of what the host receives, after all translations. What the
// guard has decided is accepted; what was translated, or is addressed to the host by its
// rules of routing alone, is decided here.
func (b *builder) arrived() {
	s := &b.policy.Settings
	c := b.chain(arrivedChain, "packets that the host receives")
	c.Hook = &Hook{Input, lang.InputPriority}
	c.add("", Iface{Name: "lo"}, accept)
	c.add("", CtState{States: StateEstablished | StateRelated}, jump("established"))
	if len(b.services) > 0 || s.DefaultDrop {
		c.add("", Translated{}, jump("translated"))
	}
	b.opened(c, "arrivals", slices.Concat(b.services, b.opens))
	b.end(c)
	if len(b.services) > 0 {
		c = b.chain("addressed", "a service under its own name")
		c.add("", AddrType{Kind: AddrLocal}, accept)
		b.trust(c, accept)
		b.opensToAll(c)
		for _, kind := range []AddrKind{AddrBroadcast, AddrMulticast} {
			c.add("to all hosts: not an attempt", AddrType{Kind: kind}, b.refuse())
		}
		c.dispatch("services", "decisions about a port", b.decisions())
		c.add("", b.refuse())
	}
	if len(b.services) > 0 || s.DefaultDrop {
		b.translated()
	}
}

// translated decides about what the host receives under another name than its sender
// gave it.
func (b *builder) translated() {
	c := b.chain("translated", "packets that were addressed to another port or host")
	if b.policy.Settings.DefaultDrop {
		b.trust(c, to("trusted_translated"))
	} else {
		b.trust(c, accept)
	}
	if len(b.services) > 0 {
		c.dispatchNamed(entries(b.services, always(jump("named"))))
		c.dispatch("services", "decisions about a port", b.decisions())
		b.guarded(c, b.refuse())
		b.namedBefore()
	}
	b.endTranslated(c)
	b.trustedTranslated()
}

// decisions are where it is decided about the services that the host itself has. Nothing
// comes back from there, except for a moment during a reload: so a rule that refuses follows.
func (b *builder) decisions() []DispatchEntry {
	return entries(b.services, func(p *point) Verdict {
		if p.isElsewhere() {
			return jump(askedChain(p))
		}
		return jump(p.Chain())
	})
}

// endTranslated is the end for what was translated: there `open` means the port that the
// sender named.
func (b *builder) endTranslated(c *Chain) {
	if b.policy.Settings.DefaultDrop {
		c.dispatchNamed(entries(b.opens, openVerdict))
		b.end(c)
	}
}

func (b *builder) trustedTranslated() {
	s := &b.policy.Settings
	if !s.DefaultDrop || !s.Trusts() {
		return
	}
	c := b.chain("trusted_translated", "translated, from trusted sources")
	c.dispatchHere(entries(b.services, always(accept)))
	c.dispatchNamed(entries(b.services, always(accept)))
	b.endTranslated(c)
}

// namedBefore is for packets that name a service of a knock: the guard has let them in, or
// has left them alone because they named it at another host.
func (b *builder) namedBefore() {
	c := b.chain("named", "packets that were addressed to a service: let in before?")
	for _, f := range Families {
		c.add("", lookup(letInPlace, f), accept)
	}
}

// forwarded is the base chain of what goes on to other hosts: a translation may lead to a
// service there under a name that the guard does not know.
func (b *builder) forwarded() {
	if len(b.servicesAt()) == 0 {
		return
	}
	c := b.chain(forwardedChain, "packets that go on to other hosts")
	c.Hook = &Hook{Forward, lang.InputPriority}
	c.add("", CtState{States: StateEstablished | StateRelated}, jump("established"))
	c.add("", Translated{}, jump("translated_on"))

	c = b.chain("translated_on", "packets that were addressed to another port or host")
	b.trust(c, accept)
	c.dispatchNamed(entries(b.services, always(jump("named"))))
	b.dispatchServicesAt(c)
}
