package compiler

import (
	"slices"
	"time"

	"knockc/lang"
)

// guard keeps rules whose number grows with the policy away from sources that
// they would find nothing for. Its elements say that there may be something: they
// outlive what they speak of. They are about a few lengths of addresses, whatever the
// policy has, so that their number is bounded and one that an older policy left is
// found by a later one.
type guard struct {
	kind  SetKind
	lives [2]map[int]*lifetime // by family and length of the address
}

// lifetime is how long an element of a guard must live.
type lifetime struct {
	timed   time.Duration // 0: nothing ends by itself
	forever bool          // there is something that does not
}

// slack is how much longer than what it speaks of an element of a guard lives, at
// least: the two are updated one after the other, and a tick may fall between.
const slack = time.Second

func newGuard(kind SetKind) guard {
	return guard{kind, [2]map[int]*lifetime{{}, {}}}
}

// add makes the guard speak of something that lives that long.
func (g *guard) add(per lang.Per, lives time.Duration) {
	for _, f := range Families {
		bits := lengthOf(per, f)
		l := g.lives[f][bits]
		if l == nil {
			l = &lifetime{}
			g.lives[f][bits] = l
		}
		if lives == lang.Forever {
			l.forever = true
		} else {
			l.timed = max(l.timed, lives+slack)
		}
	}
}

// guardLengths are the lengths of the addresses that guards speak of.
var guardLengths = [...][]int{IPv4: {32, 24, 16, 8, 1}, IPv6: {128, 64, 48, 32, 16, 1}}

// lengthOf is how much of an address of the family a guard knows: of what makes a
// source, the longest of the lengths that has all of them.
func lengthOf(per lang.Per, f Family) int {
	bits := [...]int{per.IPv4, per.IPv6}[f]
	i := slices.IndexFunc(guardLengths[f], func(length int) bool { return length <= bits })
	return guardLengths[f][i]
}

// place is where a guard keeps an element for sources of that length. What ends by
// itself and what does not have elements of their own, because an update without a
// timeout would end one that has a timeout.
func (g *guard) place(per lang.Per, f Family, forever bool) Place {
	bits := lengthOf(per, f)
	return Place{g.kind, uint32(bits<<1 | bit(forever)), lang.Per{IPv4: bits, IPv6: bits}}
}

// update records a source, for something that lives that long.
func (g *guard) update(f Family, per lang.Per, lives time.Duration) Update {
	forever := lives == lang.Forever
	timeout := g.lives[f][lengthOf(per, f)].timed
	if forever {
		timeout = 0
	}
	return Update{g.place(per, f, forever).Key(f), g.kind.SetName(f), timeout}
}

// lookups are one for each element that may speak of one of the knocks.
func (g *guard) lookups(f Family, knocks []*lang.Knock) []Lookup {
	var all []Lookup
	seen := map[int]bool{}
	for _, k := range knocks {
		bits := lengthOf(k.Per, f)
		if l := g.lives[f][bits]; l != nil && !seen[bits] {
			seen[bits] = true
			if l.timed > 0 {
				all = append(all, lookup(g.place(k.Per, f, false), f))
			}
			if l.forever {
				all = append(all, lookup(g.place(k.Per, f, true), f))
			}
		}
	}
	return all
}

func lookup(p Place, f Family) Lookup {
	return Lookup{Key: p.Key(f), Set: p.Kind.SetName(f)}
}

// guards finds what the guards have to speak of: progress that a wrong attempt
// resets, and all grants, since knocks that are added later may guard the same ports.
func (b *builder) guards() {
	b.busy, b.doors = newGuard(Busy), newGuard(Doors)
	for _, k := range b.policy.Knocks {
		if hasProgress(k) && resetMode(k) != lang.ResetNone {
			b.busy.add(k.Per, k.Within)
		}
		b.doors.add(k.Per, k.Grant)
	}
}

// hasProgress reports whether a source can be at a step of the knock.
func hasProgress(k *lang.Knock) bool { return len(k.Steps) > 1 || len(k.Close) > 1 }

// ifResettable adds rules with the verdict for sources that have something which
// a knock of the given mode may reset.
func (b *builder) ifResettable(c *Chain, mode lang.ResetMode, v Verdict) {
	var progress, revoke []*lang.Knock
	for _, k := range b.policy.Knocks {
		if resetMode(k) != mode {
			continue
		}
		if hasProgress(k) {
			progress = append(progress, k)
		}
		if k.Reset.Revoke {
			revoke = append(revoke, k)
		}
	}
	for _, f := range Families {
		for _, l := range slices.Concat(b.busy.lookups(f, progress), b.doors.lookups(f, revoke)) {
			c.add("", l, v)
		}
	}
}
