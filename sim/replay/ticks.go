package replay

import (
	"fmt"
	"net/netip"
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

// deadlines are those of what a source did, but of what ended before its time.
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

// Explain is [Player.Explain] for all phases.
func (p *Phases) Explain(asked Asked) {
	p.causes = map[trailKey]parted{}
	policy := p.players[0].policy
	concerns, targets := newConcerns(policy, asked), newTargets(policy)
	for _, player := range p.players {
		player.explain(concerns, targets)
	}
}

// part takes note of what the latest packet parted: knocks that it did not move in the
// same way in all phases.
func (p *Phases) part(src netip.Addr) {
	first := p.players[0].recorder
	if !first.asked.has(src) {
		return
	}
	for i, other := range p.seen {
		knock := differs(p.seen[0].Moves, other.Moves)
		if knock == "" {
			continue
		}
		k := first.knocks[knock]
		if c, ok := p.between(k, src, p.seen[0].At, first.number, i, anyDeadline); ok {
			c.by = first.mark(&p.players[0].last)
			p.causes[trailKey{k, cut(k, src).Addr()}] = c
		}
		return
	}
}

// differs is the first knock that two outcomes moved in different ways; "" if there is
// none.
func differs(a, b []Move) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].Knock
		case i >= len(b), a[i].Knock != b[i].Knock, a[i].Kind != b[i].Kind, a[i].Step != b[i].Step:
			return a[i].Knock
		}
	}
	return ""
}

// between is the deadline that has passed at a time in the first phase or in another,
// and not in both, of those that matter; what the packet of the given number did does
// not count yet.
func (p *Phases) between(k *lang.Knock, src netip.Addr, at time.Duration, number, other int, matters func(deadline) bool) (c parted, ok bool) {
	a, b := p.players[0].recorder, p.players[other].recorder
	others := b.trail(k, src).deadlinesBefore(number)
	for _, d := range a.trail(k, src).deadlinesBefore(number) {
		for _, o := range others {
			if matters(d) && d.same(o) && (at < d.until) != (at < o.until) {
				c, ok = parted{deadline: d.String(), at: d.until + (d.set.at+a.phase)%p.tick}, true
			}
		}
	}
	return c, ok
}

func anyDeadline(deadline) bool { return true }

func grantsEnd(d deadline) bool { return d.of == ofGrant }

func openingStep(d deadline) bool { return d.of == ofStep && !d.closing }

// agree reports whether a source stands at the same place in two phases, but for the
// times, as it did before the packet of the given number.
func (p *Phases) agree(k *lang.Knock, src netip.Addr, number, other int) bool {
	a := p.players[0].recorder.trail(k, src).deadlinesBefore(number)
	b := p.players[other].recorder.trail(k, src).deadlinesBefore(number)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].same(b[i]) {
			return false
		}
	}
	return true
}

// whyDepends is why an outcome is not the same in the first phase and in another.
func (p *Phases) whyDepends(o Outcome, other int) string {
	first := p.players[0].recorder
	src, this, number, matters := netip.Addr{}, "this packet", first.number, grantsEnd
	var knocks []*lang.Knock
	if x := o.Event.Expect; x != nil {
		src, this, number = x.Src, "this expectation", first.number+1
		knocks = []*lang.Knock{first.knocks[x.Knock]}
		if x.At != nil {
			matters = openingStep
		}
	} else {
		src = o.Event.Packet.Src
		for _, g := range first.targets.of(&p.players[0].last).services {
			knocks = append(knocks, g.knock)
		}
	}
	for _, k := range knocks {
		if c, ok := p.between(k, src, o.At, number, other, matters); ok {
			return p.withinTick(c, this, o.At)
		}
		if c, ok := p.causes[trailKey{k, cut(k, src).Addr()}]; ok && !p.agree(k, src, number, other) {
			if c.by.number == number {
				return p.withinTick(c, this, o.At)
			}
			return p.withinTick(c, c.by.String(), c.by.at)
		}
	}
	return fmt.Sprintf("a timeout, such as that of an idle flow, ends within one tick of %v: keep what it decides a tick away", p.tick)
}

func (p *Phases) withinTick(c parted, what string, at time.Duration) string {
	return fmt.Sprintf("%s %s and %s at %s are within one tick of %v: it depends on the tick which comes first, so keep them a tick apart",
		c.deadline, seconds(c.at), what, seconds(at), p.tick)
}
