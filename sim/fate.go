package sim

import (
	"slices"

	"example.org/knockc/compiler"
)

// fate is what becomes of a packet, on one way or on several.
type fate struct {
	verdict  compiler.VerdictKind
	doubt    *Doubt // about the verdict
	state    compiler.ConnState
	changes  []Change
	elements []decided
	flow     possibleFlows // afterwards; none: the packet has no flow
}

// decided is an element that was in doubt, or that the packet changed.
type decided struct {
	set     *set
	key     key
	life    life
	made    int // how often
	changed bool
}

func find(all []decided, s *set, k key) *decided {
	for i := range all {
		if e := &all[i]; e.set == s && e.key == k {
			return e
		}
	}
	return nil
}

// join adds what becomes of the packet on another way, that a doubt leads to.
func (f *fate) join(o fate, doubt *Doubt) {
	if f.verdict != o.verdict && f.doubt == nil {
		f.doubt = doubt
	}
	if f.state != o.state {
		f.state = 0
	}
	f.changes = joinChanges(f.changes, o.changes)
	for _, e := range o.elements {
		if find(f.elements, e.set, e.key) == nil {
			f.elements = append(f.elements, decided{set: e.set, key: e.key, life: e.set.life(e.key)})
		}
	}
	for i := range f.elements {
		e := &f.elements[i]
		if on := find(o.elements, e.set, e.key); on != nil {
			e.life, e.made, e.changed = e.life.or(on.life, doubt), max(e.made, on.made), e.changed || on.changed
		} else {
			e.life = e.life.or(e.set.life(e.key), doubt)
		}
	}
	for _, flow := range o.flow.all {
		if f.flow.all = addFlow(f.flow.all, flow); len(f.flow.all) > 1 && f.flow.doubt == nil {
			f.flow.doubt = doubt
		}
	}
}

// joinChanges are the changes of two ways. Those of one way only are unsure.
func joinChanges(a, b []Change) []Change {
	sure := func(c Change) Change { c.Unsure = false; return c }
	for i, c := range a {
		if !slices.Contains(b, sure(c)) {
			a[i].Unsure = true
		}
	}
	for _, c := range b {
		if !slices.ContainsFunc(a, func(o Change) bool { return sure(o) == c }) {
			c.Unsure = true
			a = append(a, c)
		}
	}
	return a
}
