package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"knockc/lang"
)

// deadline is until when something counts that a source did.
type deadline struct {
	of      partOfKnock
	closing bool
	step    int  // from 1, of a step
	set     mark // the packet that did it
	until   time.Duration
}

// partOfKnock is what of a knock can have a deadline.
type partOfKnock int

const (
	ofStep partOfKnock = iota
	ofTotal
	ofGrant
)

// String names the deadline.
func (d deadline) String() string {
	switch d.of {
	case ofGrant:
		return "the end of the grant"
	case ofTotal:
		return "the deadline of `total`"
	}
	return fmt.Sprintf("%s %d's deadline", stepWord(d.closing), d.step)
}

// same reports whether both are of what the same packet did; when that is over may be
// told by different clocks.
func (d deadline) same(o deadline) bool {
	d.until = o.until
	return d == o
}

// deadlines are those of what a source did, except of what ended before its time.
func (t *trail) deadlines() []deadline {
	var all []deadline
	for _, closing := range []bool{false, true} {
		s := t.sequence(closing)
		for i, step := range s.steps {
			if step.done.is() && !step.ended.is() {
				all = append(all, deadline{ofStep, closing, i + 1, step.done, step.until})
			}
		}
		if s.begin.is() {
			all = append(all, deadline{ofTotal, closing, 0, s.begin, s.begun})
		}
	}
	if t.opened.is() && !t.ended.is() {
		all = append(all, deadline{ofGrant, false, 0, t.opened, t.until})
	}
	return all
}

// deadlinesBefore are the deadlines that a packet of the given number met.
func (t *trail) deadlinesBefore(number int) []deadline {
	if t.changed == number {
		return t.before
	}
	return t.deadlines()
}

// parted is what made a difference between two phases: in one of them a deadline had
// passed when a packet came, in the other it had not.
type parted struct {
	deadline string
	at       time.Duration // the deadline, had its packet come at the beginning of a tick
	by       mark          // the packet
}

// tick is how long a tick is, less a fraction of a nanosecond.
func (b *abreast) tick() time.Duration { return time.Second / time.Duration(b.hz) }

// explain is [Player.Explain] for all phases.
func (b *abreast) explain(asked Asked) {
	b.causes, b.flows = map[trailKey]parted{}, map[flow]parted{}
	policy := b.players[0].policy
	concerns, targets := newConcerns(policy, asked), newTargets(policy)
	for _, player := range b.players {
		player.explain(concerns, targets)
	}
}

// part takes note of what the latest packet parted: knocks that it did not move in the
// same way in all phases.
func (b *abreast) part(src netip.Addr) {
	first := b.players[0].recorder
	for i, other := range b.seen {
		for _, knock := range differing(b.seen[0].Moves, other.Moves) {
			k := first.knocks[knock]
			key := trailKey{k, cut(k, src).Addr()}
			if b.causes[key].by.number == first.number {
				continue
			}
			if c, ok := b.between(k, src, b.seen[0].At, first.number, i, anyDeadline); ok {
				c.by = first.mark(&b.players[0].last)
				b.causes[key] = c
			}
		}
	}
}

// differing are the knocks that were moved in different ways.
func differing(a, b []Move) []string {
	var knocks []string
	for _, pair := range [][2][]Move{{a, b}, {b, a}} {
		for _, m := range pair[0] {
			if !slices.ContainsFunc(pair[1], m.alike) {
				knocks = append(knocks, m.Knock)
			}
		}
	}
	return knocks
}

// alike reports whether two moves are the same, except for times.
func (m Move) alike(o Move) bool {
	m.OpenUntil = o.OpenUntil
	return m == o
}

// between is the deadline that has passed at a time in the first phase or in another,
// and not in both, of those that matter; what the packet of the given number did does
// not count yet.
func (b *abreast) between(k *lang.Knock, src netip.Addr, at time.Duration, number, other int, matters func(deadline) bool) (c parted, ok bool) {
	first := b.players[0].recorder
	others := b.players[other].recorder.trail(k, src).deadlinesBefore(number)
	for _, d := range first.trail(k, src).deadlinesBefore(number) {
		for _, o := range others {
			if matters(d) && d.same(o) && (at < d.until) != (at < o.until) {
				c, ok = parted{deadline: d.String(), at: first.clock.Latest(d.set.at, d.until)}, true
			}
		}
	}
	return c, ok
}

func anyDeadline(deadline) bool { return true }

func grantsEnd(d deadline) bool { return d.of == ofGrant }

func openingStep(d deadline) bool { return d.of == ofStep && !d.closing }

// agree reports whether a source stands at the same place in two phases, except for the
// times, as it did before the packet of the given number.
func (b *abreast) agree(k *lang.Knock, src netip.Addr, number, other int) bool {
	one := b.players[0].recorder.trail(k, src).deadlinesBefore(number)
	two := b.players[other].recorder.trail(k, src).deadlinesBefore(number)
	return slices.EqualFunc(one, two, deadline.same)
}

// whyDepends is why an outcome is not the same in the first phase and in another.
func (b *abreast) whyDepends(o Outcome, other int) string {
	c, ok := b.cause(o, other)
	if !ok {
		return fmt.Sprintf("a timeout, such as that of an idle flow, ends within one tick of %v: keep what it decides a tick away", b.tick())
	}
	what, at := c.by.String(), c.by.at
	switch {
	case !c.by.is():
		what, at = "this expectation", o.At
	case o.Event.Packet != nil && c.by.number == b.players[0].recorder.number:
		what = "this packet"
	}
	return fmt.Sprintf("%s %s and %s at %s are within one tick of %v: it depends on the tick which comes first, so keep them a tick apart",
		c.deadline, seconds(c.at), what, seconds(at), b.tick())
}

// cause is what made an outcome differ between the first phase and another, as far as
// that is known.
func (b *abreast) cause(o Outcome, other int) (parted, bool) {
	first := b.players[0].recorder
	if x := o.Event.Expect; x != nil {
		matters := grantsEnd
		if x.At != nil {
			matters = openingStep
		}
		return b.causeOf(first.knocks[x.Knock], x.Src, o.At, first.number+1, other, matters)
	}
	packet := &b.players[0].last
	for _, g := range first.targets.servicesOf(packet) {
		c, ok := b.causeOf(g.knock, packet.Src, o.At, first.number, other, grantsEnd)
		if ok && !c.by.is() {
			c.by = first.mark(packet)
		}
		if ok && !packet.Alone {
			b.flows[flowOf(packet)] = c
		}
		if ok {
			return c, true
		}
	}
	c, ok := b.flows[flowOf(packet)]
	return c, ok
}

// causeOf is what made a source's standing with a knock differ between the first phase
// and another: a deadline that passes now, with no packet, or what parted them before.
func (b *abreast) causeOf(k *lang.Knock, src netip.Addr, at time.Duration, number, other int, matters func(deadline) bool) (parted, bool) {
	if c, ok := b.between(k, src, at, number, other, matters); ok {
		return c, true
	}
	c, ok := b.causes[trailKey{k, cut(k, src).Addr()}]
	return c, ok && !b.agree(k, src, number, other)
}
