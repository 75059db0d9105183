package compiler

import (
	"slices"

	"example.org/knockc/lang"
)

func stepsChain(proto lang.Proto) string { return "steps_" + proto.String() }

// elsewhere is a chain for what a chain is for, at the addresses of `at`.
func elsewhere(chain string) string { return chain + "_elsewhere" }

// isAttempt are the conditions of an attempt at a step. A bare SYN counts whatever it is
// part of.
func isAttempt(proto lang.Proto) []Instruction {
	if proto == lang.TCP {
		return []Instruction{isSYN, isValid}
	}
	return []Instruction{isNew}
}

// stepChains move the knocks that listen, and decide nothing. A step may be sent to the
// host itself, which moves all its knocks, or to an address that a knock has by `at`.
func (b *builder) stepChains() {
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		here := slices.DeleteFunc(slices.Clone(b.steps), func(p *point) bool { return p.Proto != proto })
		if len(here) == 0 {
			continue
		}
		away := slices.DeleteFunc(slices.Clone(here), func(p *point) bool { return len(p.listenersAt()) == 0 })
		c := b.chain(stepsChain(proto), "steps: attempts move knocks, other packets do nothing")
		name := "steps_of_" + proto.String()
		c.dispatch(name, "where steps are done", entries(here, func(p *point) Verdict { return to(p.Chain()) }), append(isAttempt(proto), b.toTheHost()...)...)
		for _, d := range destinations(at(away)) {
			c.dispatch(name+"_at", "where steps at other addresses are done",
				entries(away, func(p *point) Verdict { return to(elsewhere(p.Chain())) }), append(isAttempt(proto), d)...)
		}
		for _, p := range here {
			if b.room.full {
				return
			}
			b.listeners(b.chain(p.Chain(), p.comment()), p)
		}
		for _, p := range away {
			b.listenersElsewhere(b.chain(elsewhere(p.Chain()), p.comment()+", elsewhere"), p)
		}
	}
}

// at are all prefixes of the knocks that listen at some points.
func at(points []*point) []lang.Prefix {
	return prefixesAt(points, (*point).listenersAt)
}

// pingChains move the knocks that listen to pings, and decide nothing.
func (b *builder) pingChains() {
	if len(b.pings) == 0 {
		return
	}
	c := b.chain("pings", "echo requests")
	c.add("", CtState{States: StateInvalid}, leave)
	c.add("", append(b.toTheHost(), to("pings_here"))...)
	away := slices.DeleteFunc(slices.Clone(b.pings), func(p *point) bool { return len(p.listenersAt()) == 0 })
	for _, d := range destinations(at(away)) {
		c.add("", d, to(elsewhere("pings")))
	}
	b.lengths("pings_here", func(p *point) string { return p.Chain() })
	for _, p := range b.pings {
		b.listeners(b.chain(p.Chain(), p.comment()), p)
	}
	if len(away) > 0 {
		b.lengths(elsewhere("pings"), func(p *point) string { return elsewhere(p.Chain()) })
		for _, p := range b.pings {
			b.listenersElsewhere(b.chain(elsewhere(p.Chain()), p.comment()+", elsewhere"), p)
		}
	}
}

// lengths adds a chain that sends pings on by their length.
func (b *builder) lengths(name string, chain func(*point) string) {
	c := b.chain(name, "by their length")
	other := b.pings[len(b.pings)-1]
	for _, f := range Families {
		l := Lengths{Family: f}
		for _, p := range b.pings {
			if p != other {
				l.Entries = append(l.Entries, LengthEntry{headerField(f, p.Length), to(chain(p))})
			}
		}
		if len(l.Entries) > 0 {
			c.add("", l)
		}
	}
	c.add("", to(chain(other)))
}

// headerField is what the length field of the IP header holds for an echo request
// without options or extension headers, given the bytes of its data.
func headerField(f Family, data int) uint16 {
	const echoHeader, ipv4Header = 8, 20
	return uint16([...]int{IPv4: ipv4Header + echoHeader, IPv6: echoHeader}[f] + data)
}
