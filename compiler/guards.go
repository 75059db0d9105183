package compiler

import (
	"slices"
	"time"

	"knockc/lang"
)

// guard keeps rules whose number grows with the policy away from sources that
// they would find nothing for. Its elements say that there may be something: they
// outlive what they speak of, and are keyed by the broadest `per` of the knocks
// that use it.
type guard struct {
	kind    SetKind
	per     lang.Per
	timed   time.Duration // how long an element must live; 0: nothing ends by itself
	forever bool          // there is something that does not
}

// The state numbers of guards: what ends by itself and what does not have
// elements of their own, because an update without a timeout would end one that
// has a timeout.
const (
	numberTimed   = 1
	numberForever = 2
)

// slack is how much longer than what it speaks of an element of a guard lives, at
// least: the two are updated one after the other, and a tick may fall between.
const slack = time.Second

func (g *guard) add(per lang.Per, lives time.Duration) {
	if g.timed == 0 && !g.forever {
		g.per = per
	}
	g.per.IPv4, g.per.IPv6 = min(g.per.IPv4, per.IPv4), min(g.per.IPv6, per.IPv6)
	if lives == lang.Forever {
		g.forever = true
	} else {
		g.timed = max(g.timed, lives+slack)
	}
}

// update records a source, for something that lives that long.
func (g *guard) update(f Family, lives time.Duration) Update {
	place, timeout := Place{g.kind, numberTimed, g.per}, g.timed
	if lives == lang.Forever {
		place.Number, timeout = numberForever, 0
	}
	return Update{place.Key(f), g.kind.SetName(f), timeout}
}

// lookups are one for each element that a source may have.
func (g *guard) lookups(f Family) []Lookup {
	var all []Lookup
	if g.timed > 0 {
		all = append(all, lookup(Place{g.kind, numberTimed, g.per}, f))
	}
	if g.forever {
		all = append(all, lookup(Place{g.kind, numberForever, g.per}, f))
	}
	return all
}

func lookup(p Place, f Family) Lookup {
	return Lookup{Key: p.Key(f), Set: p.Kind.SetName(f)}
}

// guards finds what the guards have to speak of: progress that a wrong attempt
// resets, and grants that one revokes, or that are for a port which several
// knocks guard.
func (b *builder) guards() {
	b.shared = map[*lang.Knock]bool{}
	for _, p := range b.ports {
		for _, k := range p.guards {
			b.shared[k] = b.shared[k] || len(p.guards) > 1
		}
	}
	b.busy, b.doors = guard{kind: Busy}, guard{kind: Doors}
	for _, k := range b.policy.Knocks {
		if hasProgress(k) && resetMode(k) != lang.ResetNone {
			b.busy.add(k.Per, k.Within)
		}
		if b.guardsDoor(k) {
			b.doors.add(k.Per, k.Grant)
		}
	}
}

// hasProgress reports whether a source can be at a step of the knock.
func hasProgress(k *lang.Knock) bool { return len(k.Steps) > 1 || len(k.Close) > 1 }

func (b *builder) guardsDoor(k *lang.Knock) bool { return k.Reset.Revoke || b.shared[k] }

// ifResettable adds rules with the verdict for sources that have something which
// a knock of the given mode may reset.
func (b *builder) ifResettable(c *Chain, mode lang.ResetMode, v Verdict) {
	progress, revoke := false, false
	for _, k := range b.policy.Knocks {
		if resetMode(k) == mode {
			progress, revoke = progress || hasProgress(k), revoke || k.Reset.Revoke
		}
	}
	for _, f := range Families {
		var lookups []Lookup
		if progress {
			lookups = b.busy.lookups(f)
		}
		if revoke {
			lookups = slices.Concat(lookups, b.doors.lookups(f))
		}
		for _, l := range lookups {
			c.add("", l, v)
		}
	}
}
