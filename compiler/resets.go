package compiler

import (
	"cmp"
	"fmt"
	"slices"

	"knockc/lang"
)

// resets are the chains that reset the knocks which an attempt is wrong for
// because it goes elsewhere. Those of `reset any` are reached from the base chain,
// those of `reset known` from the chains of points that are steps, both only by
// sources that have something to lose.
func (b *builder) resets() {
	b.anyResets()
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP, lang.Ping} {
		if b.resetsAt(lang.ResetKnown, proto) {
			name := knownChain(proto) + "_resets"
			c := b.chain(knownChain(proto), "at a step: who has something to lose?")
			b.ifResettable(c, lang.ResetKnown, Verdict{Jump, name})
			b.elsewhere(b.chain(name, "at a step that is not the knock's own"), lang.ResetKnown, proto)
		}
	}
}

func knownChain(proto lang.Proto) string { return "known_" + proto.String() }

func (b *builder) anyResets() {
	if !b.resetsAt(lang.ResetAny, lang.TCP) {
		return
	}
	c := b.chain("any_resets", "attempts of sources that have something to lose")
	c.add("", CtState{States: StateNew, Not: true}, Verdict{Kind: Return}) // a bad checksum is invalid
	c.add("", Local{Not: true}, Verdict{Kind: Return})
	dispatch(c, b.entries(func(p *point) (Verdict, bool) { return Verdict{Kind: Return}, p.open }))
	c.add("", TCPFlags{lang.SYN, synMask, false}, Verdict{Goto, "any_tcp"})
	c.add("", L4Proto{protoUDP}, Verdict{Goto, "any_udp"})
	ping := b.resetsAt(lang.ResetAny, lang.Ping)
	if ping {
		for _, f := range Families {
			c.add("", echoRequest(f), Verdict{Goto, "any_ping"})
		}
	}
	b.elsewhere(b.chain("any_tcp", "not at a port of the knock's own"), lang.ResetAny, lang.TCP)
	b.elsewhere(b.chain("any_udp", "not at a port of the knock's own"), lang.ResetAny, lang.UDP)
	if ping {
		b.elsewhere(b.chain("any_ping", "not a ping of the knock's own"), lang.ResetAny, lang.Ping)
	}
}

// resetsAt reports whether a knock of the given mode resets on attempts of a
// protocol.
func (b *builder) resetsAt(mode lang.ResetMode, proto lang.Proto) bool {
	return b.resetting[mode][proto]
}

// findResets finds what resetsAt reports.
func (b *builder) findResets() {
	for _, k := range b.policy.Knocks {
		for mode := range b.resetting {
			for proto := range b.resetting[mode] {
				b.resetting[mode][proto] = b.resetting[mode][proto] || resetsOn(k, lang.ResetMode(mode), lang.Proto(proto))
			}
		}
	}
}

// resetsOn reports whether a knock is of the mode and resets on attempts of the
// protocol: on pings only if it listens to some.
func resetsOn(k *lang.Knock, mode lang.ResetMode, proto lang.Proto) bool {
	return resetMode(k) == mode && (proto != lang.Ping || slices.ContainsFunc(bothSequences(k), isPing))
}

// resetMode is the knock's, if there is something that it could reset.
func resetMode(k *lang.Knock) lang.ResetMode {
	if !hasProgress(k) && !k.Reset.Revoke {
		return lang.ResetNone
	}
	return k.Reset.Mode
}

func isPing(s lang.Step) bool { return s.Proto == lang.Ping }

// elsewhere resets each knock of the mode that an attempt of the protocol, which is
// admitted, is not at: both its sequences, and with `revoke` its grant.
func (b *builder) elsewhere(c *Chain, mode lang.ResetMode, proto lang.Proto) {
	for _, k := range b.policy.Knocks {
		if !resetsOn(k, mode, proto) {
			continue
		}
		e := ending{knock: k, opening: true, closing: true, grant: k.Reset.Revoke}
		for _, away := range awayFrom(k, proto) {
			for _, condition := range admissions(k) {
				if !contradict(condition, away) {
					b.whenAll(c, condition, away, b.ending(e), k.Name.Text)
				}
			}
		}
	}
}

// contradict reports whether conditions ask for both families, which nft refuses.
func contradict(admit, away []Instruction) bool {
	families := map[Family]bool{}
	for _, i := range slices.Concat(admit, away) {
		switch i := i.(type) {
		case Source:
			families[i.Family] = true
		case Length:
			families[i.Family] = true
		}
	}
	return len(families) > 1
}

// awayFrom are the conditions that an attempt of the protocol is at no step and no
// service of a knock. All of them hold, or for pings all of one family.
func awayFrom(k *lang.Knock, proto lang.Proto) [][]Instruction {
	if proto == lang.Ping {
		return awayFromPings(k)
	}
	var own []Ports
	for _, s := range bothSequences(k) {
		if s.Proto == proto {
			own = append(own, Ports{s.Port, s.Port, true})
		}
	}
	for _, s := range k.Services {
		if s.Proto == proto {
			own = append(own, Ports{s.First, s.Last, true})
		}
	}
	slices.SortFunc(own, func(a, b Ports) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last)) })
	var away []Instruction
	last := -1
	for _, p := range own {
		if int(p.Last) > last { // not within those before
			away = append(away, p)
			last = int(p.Last)
		}
	}
	return [][]Instruction{away}
}

func awayFromPings(k *lang.Knock) [][]Instruction {
	lengths := map[int]bool{}
	var away [2][]Instruction
	for _, s := range bothSequences(k) {
		switch {
		case s.Proto != lang.Ping || lengths[s.Length]:
			continue
		case s.Length == lang.AnyLength:
			return nil // every ping is its own
		}
		lengths[s.Length] = true
		for i, f := range Families {
			away[i] = append(away[i], Length{f, headerField(f, s.Length), true})
		}
	}
	return away[:]
}

// outOfOrder resets a knock on an attempt at one of its own steps that is further
// ahead than its source: no step is done that the attempt could follow or repeat.
// An attempt at a step of the other sequence is never wrong.
func (b *builder) outOfOrder(c *Chain, p *point, k *lang.Knock) {
	if resetMode(k) == lang.ResetNone {
		return
	}
	opening, closing := p.at(k.Steps), p.at(k.Close)
	switch {
	case len(closing) == 0:
		b.ahead(c, opening, b.states(k).opening.done, ending{knock: k, opening: true, grant: k.Reset.Revoke})
	case len(opening) == 0:
		b.ahead(c, closing, b.states(k).closing.done, ending{knock: k, closing: true})
	}
}

// ahead resets if none of the steps is done that come directly before the first of
// the given ones, or behind that.
func (b *builder) ahead(c *Chain, at []int, done []Place, e ending) {
	first := at[len(at)-1]
	if first == 1 {
		return
	}
	for _, f := range Families {
		var none []Instruction
		for _, place := range done[first-2:] {
			l := lookup(place, f)
			l.Not = true
			none = append(none, l)
		}
		b.whenAll(c, nil, none, b.ending(e), e.knock.Name.Text+" out of order")
	}
}

// whenAll adds a rule with the verdict under conditions, each of which has Not. Those
// that do not fit into one rule go on in a chain of their own, which anything that
// does not hold leaves. (Not in several chains, one behind the other: the kernel
// allows 16 of them, NFT_JUMP_STACK_SIZE.)
func (b *builder) whenAll(c *Chain, admit, conditions []Instruction, v Verdict, comment string) {
	rule := slices.Clone(admit)
	if len(conditions) <= fit {
		c.add(comment, append(append(rule, conditions...), v)...)
		return
	}
	b.parts++
	part := b.chain(fmt.Sprintf("part_%d", b.parts), "more conditions of "+c.Name)
	for _, condition := range conditions[1:] {
		part.add("", without(condition), Verdict{Kind: Return})
	}
	part.add("", v)
	// The first one stays, and with it what it breaks for: another family.
	c.add(comment, append(rule, conditions[0], Verdict{Jump, part.Name})...)
}

// without is a condition without its Not.
func without(i Instruction) Instruction {
	switch i := i.(type) {
	case Ports:
		i.Not = false
		return i
	case Lookup:
		i.Not = false
		return i
	case Length:
		i.Not = false
		return i
	}
	return i
}
