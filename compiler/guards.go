package compiler

import (
	"slices"
	"time"

	"example.org/knockc/lang"
)

// guard keeps rules whose number grows with the policy away from sources that
// they would find nothing for. Its elements say that there may be something: they
// outlive what they stand for.
type guard struct {
	kind  SetKind
	lives map[guarded]time.Duration // how long an element must live
}

// guarded is what an element of a guard is about.
type guarded struct {
	family  Family
	bits    int
	forever bool // it does not end by itself
	group   int  // of knocks, from 1 on; 0: all of them
}

// When more knocks than fewResets reset, they are put into groups, each with an element
// of its own in the guard: a wrong attempt then meets the rules of few knocks. A knock's
// group follows from its name, so that an edit leaves all others in theirs.
const (
	fewResets = 16
	groups    = 32
)

// groupOf is the group of a knock; 0 if it is in none. What `revoke` ends may last much
// longer than progress, so knocks that have it are in none.
func (b *builder) groupOf(k *lang.Knock) int {
	if !b.grouped || k.Reset.Revoke {
		return 0
	}
	return 1 + int(stateNumber(k.Name.Text, "group")%groups)
}

// slack is how much longer than what it stands for an element of a guard lives, at
// least: the two are updated one after the other, and a tick may fall between.
const slack = time.Second

func newGuard(kind SetKind) guard { return guard{kind, map[guarded]time.Duration{}} }

func guardedOf(f Family, per lang.Per, lives time.Duration) guarded {
	forever := lives == lang.Forever
	return guarded{f, lengthOf(per, f, forever), forever, 0}
}

// isExact reports whether the element is about one source, so that a rule that ends
// something can see that it was the last.
func (g guarded) isExact(per lang.Per) bool { return g.bits == bitsOf(per, g.family) }

func bitsOf(per lang.Per, f Family) int { return [...]int{per.IPv4, per.IPv6}[f] }

// add makes the guard stand for something that lives that long.
func (g *guard) add(per lang.Per, lives time.Duration) {
	for _, f := range Families {
		of := guardedOf(f, per, lives)
		if of.forever {
			g.lives[of] = lang.Forever
		} else {
			g.lives[of] = max(g.lives[of], lives+slack)
		}
	}
}

// guardLengths are the lengths of the addresses that guards stand for, except what does
// not end by itself: few, so that there are few lookups.
var guardLengths = [...][]int{IPv4: {32, 24, 16, 8, 1}, IPv6: {128, 64, 48, 32, 16, 1}}

// lengthOf is how much of an address of the family a guard knows: all that makes a source,
// or the longest of a few lengths that is no longer.
func lengthOf(per lang.Per, f Family, forever bool) int {
	bits := bitsOf(per, f)
	if forever {
		return bits
	}
	i := slices.IndexFunc(guardLengths[f], func(length int) bool { return length <= bits })
	return guardLengths[f][i]
}

// place is where a guard keeps an element. What ends by itself and what does not have
// elements of their own, because an update without a timeout would end one that has a
// timeout.
func (g *guard) place(of guarded) Place {
	return Place{g.kind, uint32(of.group<<9 | of.bits<<1 | bit(of.forever)), lang.Per{IPv4: of.bits, IPv6: of.bits}}
}

// update records a source, for something that lives that long.
func (g *guard) update(f Family, per lang.Per, lives time.Duration) Update {
	of := guardedOf(f, per, lives)
	return Update{g.place(of).Key(f), g.kind.SetName(f), g.lives[of]}
}

// progress records a source that has done a step of a knock which a wrong attempt resets.
func (b *builder) progress(k *lang.Knock, f Family) []Instruction {
	if resetMode(k) == lang.ResetNone {
		return nil
	}
	all := b.busy.update(f, k.Per, k.Within)
	if b.groupOf(k) == 0 {
		return []Instruction{all}
	}
	group := all
	group.Key = b.busy.place(b.guardedGroup(k, f)).Key(f)
	return []Instruction{all, group}
}

// guardedGroup is what the guard of progress knows of a knock's group.
func (b *builder) guardedGroup(k *lang.Knock, f Family) guarded {
	of := guardedOf(f, k.Per, k.Within)
	of.group = b.groupOf(k)
	return of
}

// lookups are one for each element that may stand for something that lives so.
func (g *guard) lookups(f Family, knocks []*lang.Knock, lives func(*lang.Knock) time.Duration) []Lookup {
	var all []Lookup
	seen := map[guarded]bool{}
	for _, k := range knocks {
		if of := guardedOf(f, k.Per, lives(k)); !seen[of] {
			seen[of] = true
			all = append(all, lookup(g.place(of), f))
		}
	}
	return all
}

func grantOf(k *lang.Knock) time.Duration  { return k.Grant }
func withinOf(k *lang.Knock) time.Duration { return k.Within }

func lookup(p Place, f Family) Lookup {
	return Lookup{Key: p.Key(f), Set: p.Kind.SetName(f)}
}

// guards finds what the guards have to stand for: progress that a wrong attempt resets,
// and grants that some rule asks for.
func (b *builder) guards() {
	b.busy, b.doors = newGuard(Busy), newGuard(Doors)
	for _, p := range b.services {
		if len(p.guards) > ManyGuards {
			for _, k := range p.guards {
				b.states(k).crowded = append(b.states(k).crowded, p.Point)
			}
		}
	}
	resetting := 0
	for _, k := range b.policy.Knocks {
		if hasProgress(k) && resetMode(k) != lang.ResetNone {
			resetting++
			b.busy.add(k.Per, k.Within)
		}
		if s := b.states(k); len(s.crowded) > 0 || k.Reset.Revoke {
			s.doored = true
			b.doors.add(k.Per, k.Grant)
		}
	}
	b.grouped = resetting > fewResets
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
		for _, l := range slices.Concat(b.busy.lookups(f, progress, withinOf), b.doors.lookups(f, revoke, grantOf)) {
			c.add("", l, v)
		}
	}
}
