package compiler

import (
	"cmp"
	"fmt"
	"slices"

	"example.org/knockc/lang"
)

// resets are the chains that reset the knocks which an attempt is wrong for
// because it goes elsewhere. Those of `reset any` are reached from the guard, those of
// `reset known` from the chains of points that are steps, both only by sources that have
// something to lose. Each has a twin for attempts at the addresses of `at`.
func (b *builder) resets() {
	b.anyResets()
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP, lang.Ping} {
		steps := ofProto(slices.Concat(b.steps, b.pings), proto)
		if b.resetsAt(lang.ResetKnown, proto) && len(steps) > 0 {
			b.knownResets(knownChain(proto), proto, false)
		}
		if b.resetsElsewhere(lang.ResetKnown, proto) && len(at(steps)) > 0 {
			b.knownResets(elsewhere(knownChain(proto)), proto, true)
		}
	}
}

func knownChain(proto lang.Proto) string { return "known_" + proto.String() }

func (b *builder) knownResets(name string, proto lang.Proto, away bool) {
	c := b.chain(name, "at a step: does the source have something to lose?")
	b.ifResettable(c, lang.ResetKnown, jump(name+"_resets"))
	b.wrong(b.chain(name+"_resets", "at a step that is not the knock's own"), lang.ResetKnown, proto, away)
}

func (b *builder) anyResets() {
	if !b.resetsAt(lang.ResetAny, lang.TCP) {
		return
	}
	c := b.chain("any_resets", "from sources that have something to lose")
	c.add("", CtState{States: StateInvalid}, leave)
	c.add("", append(b.toTheHost(), to("any_here"))...)
	var at []lang.Prefix
	for _, k := range b.policy.Knocks {
		if resetMode(k) == lang.ResetAny {
			at = append(at, k.At...)
		}
	}
	for _, d := range destinations(at) {
		c.add("", d, to(elsewhere("any")))
	}
	c = b.chain("any_here", "attempts at the host itself")
	b.opensReset(c)
	b.anyAttempts(c, "", false)
	if len(at) > 0 {
		b.anyAttempts(b.chain(elsewhere("any"), "attempts at the addresses of `at`"), "_elsewhere", true)
	}
}

// opensReset leaves attempts alone that an `open` admits.
func (b *builder) opensReset(c *Chain) {
	var all, some []*point
	for _, p := range b.opens {
		if p.isOpenToAll() {
			all = append(all, p)
		} else {
			some = append(some, p)
		}
	}
	c.dispatchHere(entries(all, always(leave)))
	for _, p := range some {
		for _, o := range p.opens {
			for _, condition := range b.admissions(o.From, o.On) {
				c.dispatchHere(entries([]*point{p}, always(leave)), condition...)
			}
		}
	}
}

// anyAttempts sends attempts on, by protocol. A bare SYN counts as one at a step or a
// service whatever connection tracking calls it, else if it is new.
func (b *builder) anyAttempts(c *Chain, suffix string, away bool) {
	tcp := to("any_tcp" + suffix)
	c.add("", isSYN, isNew, tcp)
	if !away {
		c.dispatchHere(entries(ofProto(b.steps, lang.TCP), always(tcp)), isSYN)
	} else {
		b.atEach(c, ofProto(b.steps, lang.TCP), func(p *point) []*lang.Knock { return p.listenersAt() }, tcp)
	}
	if !away {
		plain := slices.DeleteFunc(ofProto(b.services, lang.TCP), (*point).isElsewhere)
		c.dispatchHere(entries(plain, always(tcp)), isSYN)
	}
	b.atEach(c, ofProto(b.services, lang.TCP), func(p *point) []*lang.Knock { return p.guards }, tcp)
	c.add("", L4Proto{ProtoUDP}, isNew, to("any_udp"+suffix))
	protos := []lang.Proto{lang.TCP, lang.UDP}
	if b.resetsAt(lang.ResetAny, lang.Ping) && !away || b.resetsElsewhere(lang.ResetAny, lang.Ping) {
		protos = append(protos, lang.Ping)
		for _, f := range Families {
			c.add("", echoRequest(f), to("any_ping"+suffix))
		}
	}
	for _, proto := range protos {
		b.wrong(b.chain("any_"+proto.String()+suffix, "not at a port of the knock's own"), lang.ResetAny, proto, away)
	}
}

func ofProto(points []*point, proto lang.Proto) []*point {
	return slices.DeleteFunc(slices.Clone(points), func(p *point) bool { return p.Proto != proto })
}

// atEach adds rules with the verdict for SYNs to points at the addresses of the knocks
// that they have by `at`.
func (b *builder) atEach(c *Chain, points []*point, knocks func(*point) []*lang.Knock, v Verdict) {
	b.eachAt(points, knocks, func(own []*point, d Destination) {
		c.dispatchHere(entries(own, always(v)), isSYN, d)
	})
}

// eachAt calls see with the points of each knock that has `at`, for each condition that a
// packet is addressed there.
func (b *builder) eachAt(points []*point, knocks func(*point) []*lang.Knock, see func(own []*point, d Destination)) {
	own := map[*lang.Knock][]*point{}
	for _, p := range points {
		for _, k := range knocks(p) {
			if len(k.At) > 0 {
				own[k] = append(own[k], p)
			}
		}
	}
	for _, k := range b.policy.Knocks {
		for _, d := range b.destinationsOf(k) {
			see(own[k], d)
		}
	}
}

// resetsAt reports whether a knock of the given mode resets on attempts of a
// protocol.
func (b *builder) resetsAt(mode lang.ResetMode, proto lang.Proto) bool {
	return b.resetting[mode][proto]
}

// resetsElsewhere is resetsAt for knocks that have `at`.
func (b *builder) resetsElsewhere(mode lang.ResetMode, proto lang.Proto) bool {
	return b.resettingAt[mode][proto]
}

// findResets finds what resetsAt and resetsElsewhere report.
func (b *builder) findResets() {
	for _, k := range b.policy.Knocks {
		for mode := range b.resetting {
			for proto := range b.resetting[mode] {
				if resetsOn(k, lang.ResetMode(mode), lang.Proto(proto)) {
					b.resetting[mode][proto] = true
					b.resettingAt[mode][proto] = b.resettingAt[mode][proto] || len(k.At) > 0
				}
			}
		}
	}
}

// resetsOn reports whether a knock is of the mode and resets on attempts of the
// protocol: on pings only if it listens to some.
func resetsOn(k *lang.Knock, mode lang.ResetMode, proto lang.Proto) bool {
	return resetMode(k) == mode && (proto != lang.Ping || slices.ContainsFunc(k.AllSteps(), isPing))
}

// resetMode is the knock's, if there is something that it could reset.
func resetMode(k *lang.Knock) lang.ResetMode {
	if !hasProgress(k) && !k.Reset.Revoke {
		return lang.ResetNone
	}
	return k.Reset.Mode
}

func isPing(s lang.Step) bool { return s.Proto == lang.Ping }

// wrong resets each knock of the mode that an attempt of the protocol, which is
// admitted, is not at: both its sequences, and with `revoke` its grant. Knocks in groups
// have a chain for each group, for sources that may have something to lose there.
func (b *builder) wrong(c *Chain, mode lang.ResetMode, proto lang.Proto, away bool) {
	grouped := make([][]*lang.Knock, groups+1)
	for _, k := range b.policy.Knocks {
		if resetsOn(k, mode, proto) {
			grouped[b.groupOf(k)] = append(grouped[b.groupOf(k)], k)
		}
	}
	for _, k := range grouped[0] {
		b.wrongFor(c, k, proto, away)
	}
	for group, knocks := range grouped[1:] {
		if len(knocks) == 0 {
			continue
		}
		of := b.chain(fmt.Sprintf("%s_%d", c.Name, group+1), c.Comment)
		seen := map[guarded]bool{}
		for _, k := range knocks {
			b.wrongFor(of, k, proto, away)
			for _, f := range Families {
				if at := b.guardedGroup(k, f); !seen[at] {
					seen[at] = true
					c.add("", lookup(b.busy.place(at), f), jump(of.Name))
				}
			}
		}
	}
}

func (b *builder) wrongFor(c *Chain, k *lang.Knock, proto lang.Proto, away bool) {
	if b.room.use(k.Name.Span); b.room.full {
		return
	}
	admitted := b.admissions(k.From, k.On)
	if away {
		admitted = b.admissionsAt(k)
	}
	e := ending{knock: k, opening: true, closing: true, grant: k.Reset.Revoke}
	for _, conditions := range awayFrom(k, proto) {
		for _, admission := range admitted {
			if !contradict(slices.Concat(admission, instructions(conditions))) {
				b.whenAll(c, admission, conditions, k.Name.Text, b.ending(e))
			}
		}
	}
}

// admissionsAt are the conditions under which a knock admits an attempt at one of the
// addresses of its `at`.
func (b *builder) admissionsAt(k *lang.Knock) [][]Instruction {
	var all [][]Instruction
	for _, d := range b.destinationsOf(k) {
		for _, condition := range b.admissions(k.From, k.On) {
			if condition = append(slices.Clip(condition), d); !contradict(condition) {
				all = append(all, condition)
			}
		}
	}
	return all
}

// contradict reports whether conditions ask for both families, which nft refuses.
func contradict(conditions []Instruction) bool {
	return !slices.ContainsFunc(Families, func(f Family) bool {
		return !slices.ContainsFunc(conditions, func(i Instruction) bool { return !i.RunsFor(f) })
	})
}

// awayFrom are the conditions that an attempt of the protocol is at no step and no
// service of a knock. All of them hold, or for pings all of one family.
func awayFrom(k *lang.Knock, proto lang.Proto) [][]condition {
	if proto == lang.Ping {
		return awayFromPings(k)
	}
	var own []Ports
	for _, s := range k.AllSteps() {
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
	var away []condition
	last := -1
	for _, p := range own {
		if int(p.Last) > last { // not within those before
			away = append(away, p)
			last = int(p.Last)
		}
	}
	return [][]condition{away}
}

func awayFromPings(k *lang.Knock) [][]condition {
	lengths := map[int]bool{}
	var away [2][]condition
	for _, s := range k.AllSteps() {
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
// An attempt at a step of the other sequence is never wrong, nor is one at the step that
// needs a one-time code, with or without it.
func (b *builder) outOfOrder(c *Chain, p *point, k *lang.Knock) {
	if resetMode(k) == lang.ResetNone || p.isOpenToAll() || p.takesCode(k) {
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
// the given ones, or after that.
func (b *builder) ahead(c *Chain, at []int, done []Place, e ending) {
	first := at[len(at)-1]
	if first == 1 {
		return
	}
	for _, f := range Families {
		var none []condition
		for _, place := range done[first-2:] {
			l := lookup(place, f)
			l.Not = true
			none = append(none, l)
		}
		b.whenAll(c, nil, none, e.knock.Name.Text+" out of order", b.ending(e))
	}
}

// condition is an instruction that matches, and can match the other way round.
type condition interface {
	Instruction
	inverse() Instruction
}

func (i Ports) inverse() Instruction  { i.Not = !i.Not; return i }
func (i Lookup) inverse() Instruction { i.Not = !i.Not; return i }
func (i Length) inverse() Instruction { i.Not = !i.Not; return i }

func instructions(conditions []condition) []Instruction {
	var all []Instruction
	for _, c := range conditions {
		all = append(all, c)
	}
	return all
}

// whenAll adds a rule with the verdict under conditions. Those that do not fit into one
// rule go on in a chain of their own, which anything that does not hold leaves. (Not in
// several chains, one after the other: the kernel allows 16 of them,
// NFT_JUMP_STACK_SIZE.)
func (b *builder) whenAll(c *Chain, admit []Instruction, conditions []condition, comment string, then ...Instruction) {
	all := slices.Concat(admit, instructions(conditions))
	if len(conditions) <= fit {
		c.add(comment, append(all, then...)...)
		return
	}
	b.parts++
	part := b.chain(fmt.Sprintf("part_%d", b.parts), "more conditions of "+c.Name)
	for _, condition := range conditions[1:] {
		part.add("", condition.inverse(), leave)
	}
	part.add("", then...)
	// The first one stays, and with it what it breaks for: another family.
	c.add(comment, append(all[:len(admit)+1], jump(part.Name))...)
}
