package compiler

import (
	"fmt"
	"slices"
	"time"

	"example.org/knockc/lang"
)

// listeners adds the rules that move the knocks that listen to a point, by attempts at
// the host itself.
func (b *builder) listeners(c *Chain, p *point) {
	if len(p.listeners) > 0 && b.resetsAt(lang.ResetKnown, p.Proto) && !p.isOpenToAll() {
		c.add("", jump(knownChain(p.Proto)))
	}
	for _, k := range p.listeners {
		if b.room.use(k.Name.Span); b.room.full {
			return
		}
		if len(k.From)+len(k.On)+len(k.At) == 0 && !p.takesCode(k) {
			b.moves(c, p, k)
			continue
		}
		comment := "what " + k.Name.Text + " admits"
		if p.takesCode(k) {
			comment += ", with a code"
		}
		own := b.chain(p.chainOf(k.Name.Text), comment)
		b.moves(own, p, k)
		if admitsSome(k) {
			b.barring(p, k)
		}
		b.spending(c, p, k)
	}
}

// admitsSome reports whether a knock has `from` or `on`.
func admitsSome(k *lang.Knock) bool { return len(k.From)+len(k.On) > 0 }

// barring asks whether a knock admits an attempt at a point, and counts those that it does
// not admit.
func (b *builder) barring(p *point, k *lang.Knock) {
	c := b.chain(p.admissionsOf(k.Name.Text), "the `from` and `on` of "+k.Name.Text)
	for _, condition := range b.admissions(k.From, k.On) {
		c.add(admissionLegend(condition).Comment(), append(condition, to(p.chainOf(k.Name.Text)))...)
	}
	c.add("", Count{BarredCounter(k.Name.Text)})
}

// admissionLegend is for a rule with one of the conditions that [builder.admissions] makes.
func admissionLegend(condition []Instruction) Legend {
	l := Legend{For: ForAdmission}
	for _, i := range condition {
		switch i := i.(type) {
		case Source:
			l.From = prefixTexts(i.Prefixes)[0]
		case Iface:
			l.On = i.String()
		}
	}
	return l
}

// admitted leads to the rules by which an attempt at a point moves a knock, if it is admitted.
func admitted(p *point, k *lang.Knock) Verdict {
	if admitsSome(k) {
		return jump(p.admissionsOf(k.Name.Text))
	}
	return jump(p.chainOf(k.Name.Text))
}

// listenersElsewhere is listeners for attempts at the addresses of `at`.
func (b *builder) listenersElsewhere(c *Chain, p *point) {
	for _, k := range p.listenersAt() {
		if b.room.use(k.Name.Span); b.room.full {
			return
		}
		for _, d := range b.destinationsOf(k) {
			if b.resetsElsewhere(lang.ResetKnown, p.Proto) {
				c.add("", d, jump(elsewhere(knownChain(p.Proto))))
			}
		}
	}
	for _, k := range p.listenersAt() {
		for _, d := range b.destinationsOf(k) {
			b.spending(c, p, k, d)
		}
	}
}

// moves adds the rules by which an attempt at a point moves a knock. The `close`
// sequence moves first, so that what closes does not open. Of a sequence the last
// step stands first, so that a packet moves each thread by one step only.
//
// What opens with a single step does so before the closing sequence moves: whether
// the packet closes must be told by the state that it found.
func (b *builder) moves(c *Chain, p *point, k *lang.Knock) {
	b.outOfOrder(c, p, k)
	if len(k.Steps) == 1 {
		b.opening(c, p, k)
		b.closing(c, p, k)
		return
	}
	b.closing(c, p, k)
	b.opening(c, p, k)
}

// opening adds the rules of the sequence. What a wrong attempt can reset is only
// recorded if the guard of resets has room for it.
func (b *builder) opening(c *Chain, p *point, k *lang.Knock) {
	s := b.states(k)
	for _, i := range p.at(k.Steps) {
		comment := stepLegend(k, i).Comment()
		for _, f := range b.families(k) {
			done := done(k, &s.opening, i, f)
			if i < len(k.Steps) {
				c.add(comment, slices.Concat(done, b.progress(k, f), step(k, &s.opening, i, f))...)
				continue
			}
			for _, unless := range b.unlessCloses(p, k, f) {
				c.add(comment, slices.Concat(unless, done, b.open(k, f))...)
			}
			b.noRoom(c, k, f)
		}
	}
}

// stepLegend is for a rule that does step i of the sequence.
func stepLegend(k *lang.Knock, i int) Legend {
	l := Legend{For: ForStep, Knock: k.Name.Text, Step: i, Of: len(k.Steps)}
	if i == l.Of {
		l.For = ForOpening
	}
	return l
}

// closeLegend is for a rule that does step i of the `close` sequence.
func closeLegend(k *lang.Knock, i int) Legend {
	return Legend{For: ForClose, Knock: k.Name.Text, Step: i, Of: len(k.Close)}
}

// closing adds the rules of the `close` sequence. It fails closed the other way
// round: a full guard must not keep anyone from shutting a door.
func (b *builder) closing(c *Chain, p *point, k *lang.Knock) {
	s := b.states(k)
	for _, i := range p.at(k.Close) {
		comment := closeLegend(k, i).Comment()
		for _, f := range b.families(k) {
			done := done(k, &s.closing, i, f)
			if i < len(k.Close) {
				c.add(comment, slices.Concat(done, step(k, &s.closing, i, f), b.progress(k, f))...)
				continue
			}
			end := b.ending(ending{knock: k, opening: true, grant: true})
			c.add(comment, append(done, Count{StepsCounter(k.Name.Text)}, end)...)
			if i == 1 {
				break // it asks for no state, so one rule is for both families
			}
		}
	}
}

func (b *builder) states(k *lang.Knock) *states { return b.symbols.states[k.Name.Text] }

// families are those of sources for which a knock has services.
func (b *builder) families(k *lang.Knock) []Family {
	if len(k.At) == 0 {
		return Families
	}
	var all []Family
	for _, d := range b.destinationsOf(k) {
		all = append(all, d.Family)
	}
	return all
}

// done breaks unless a source may do step i.
func done(k *lang.Knock, s *sequenceStates, i int, f Family) []Instruction {
	if i == 1 {
		return nil
	}
	rule := []Instruction{lookup(s.done[i-2], f)}
	if k.Total != 0 {
		rule = append(rule, lookup(s.begun, f))
	}
	return rule
}

// step does step i, which is not the last.
func step(k *lang.Knock, s *sequenceStates, i int, f Family) []Instruction {
	var rule []Instruction
	if i == 1 && k.Total != 0 {
		// Nothing of a sequence lives longer, so that a flood holds the set no longer.
		lasts := min(k.Total, k.Within*time.Duration(len(s.done)))
		rule = append(rule, update(s.begun, f, lasts))
	}
	return append(rule, update(s.done[i-1], f, k.Within), Count{StepsCounter(k.Name.Text)})
}

// open opens the door.
func (b *builder) open(k *lang.Knock, f Family) []Instruction {
	rule := []Instruction{update(b.states(k).grant, f, k.Grant), Count{OpenedCounter(k.Name.Text)}}
	if b.states(k).doored {
		rule = append([]Instruction{b.doors.update(f, k.Per, k.Grant)}, rule...)
	}
	if k.Log.On {
		prefix := k.Log.Prefix
		if prefix == "" {
			prefix = fmt.Sprintf("knockc %s open: ", k.Name.Text)
		}
		rule = append(rule, Log{prefix})
	}
	return rule
}

// noRoom takes a source out of the guard of doors again if there was no room for its
// grant.
func (b *builder) noRoom(c *Chain, k *lang.Knock, f Family) {
	if !b.states(k).doored {
		return
	}
	noGrant := lookup(b.states(k).grant, f)
	noGrant.Not = true
	door := lookup(b.doors.place(guardedOf(f, k.Per, k.Grant)), f)
	c.add("no room for the grant of "+k.Name.Text, door, noGrant, jump(b.lastDoor(k)))
}

func update(p Place, f Family, timeout time.Duration) Update {
	return Update{p.Key(f), p.Kind.SetName(f), timeout}
}

// unlessCloses are the conditions, each for a rule of its own, under which a last
// step is not at the same time what closes the door. With more than one step
// there is nothing to ask: what closed has ended the step before.
func (b *builder) unlessCloses(p *point, k *lang.Knock, f Family) [][]Instruction {
	always := [][]Instruction{nil}
	at := p.at(k.Close)
	if len(k.Steps) > 1 || len(at) == 0 || at[0] < len(k.Close) {
		return always
	}
	if len(k.Close) == 1 {
		return nil // it closes each time
	}
	last, begun := lookup(b.states(k).closing.done[len(k.Close)-2], f), lookup(b.states(k).closing.begun, f)
	notLast, notBegun := last, begun
	notLast.Not, notBegun.Not = true, true
	if k.Total == 0 {
		return [][]Instruction{{notLast}}
	}
	return [][]Instruction{{notLast}, {last, notBegun}}
}
