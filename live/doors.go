//go:build linux

package live

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/nftables"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// The guard of doors (doors4, doors6) has an element for whoever holds a grant of some
// knocks: only then the rules look for the grant. It has to be taken out with the last door
// that it speaks of, or nobody else finds room until it ends. The rules do that with what they have
// recorded; what `grant` has recorded for longer than the rules would is left to the next
// command.

// standingSets are the kinds of sets of what a source has achieved.
var standingSets = []compiler.SetKind{compiler.FirstSteps, compiler.Steps, compiler.Grants}

// guardElement is what a grant needs in the guard of doors.
type guardElement struct{ set, key string }

// guardOf is what grants need in the guard, and for how long.
func (m *meanings) guardOf(grants []element) map[guardElement]time.Duration {
	needed := map[guardElement]time.Duration{}
	for _, e := range grants {
		s, known := m.states[e.place]
		if !known || s.Role != compiler.Grant {
			continue
		}
		for _, does := range s.knock.opens {
			grant := does[len(does)-1]
			if grant.set != e.set {
				continue
			}
			for _, c := range does[:len(does)-1] {
				lasts := c.timeout
				if e.timeout == lang.Forever || e.left > grant.timeout {
					lasts = lang.Forever
				}
				at := guardElement{c.set, string(c.key(e.src))}
				needed[at] = max(needed[at], lasts)
			}
		}
	}
	return needed
}

// useless are elements of the guard that no grant needs. They must be read before the grants: the rules record them first.
func (m *meanings) useless(doors, grants []element) []element {
	needed := m.guardOf(grants)
	return slices.DeleteFunc(slices.Clone(doors), func(e element) bool {
		_, needs := needed[guardElement{e.set, string(e.key)}]
		return needs
	})
}

// takeOutUseless takes the useless elements out of the guard.
func (h *kernel) takeOutUseless(t *Table) error {
	m := t.meanings()
	deleted, err := h.deleteFound(t, func() ([]element, error) {
		doors, err := h.elementsOf(t, compiler.Doors)
		if err != nil || len(doors) == 0 {
			return nil, err
		}
		grants, err := h.elementsOf(t, compiler.Grants)
		return m.useless(doors, grants), err
	})
	if err == nil && len(deleted) > 0 {
		err = h.putInNeeded(t)
	}
	return err
}

// putInNeeded puts into the guard what grants need and it does not have: because these
// were given while useless elements were taken out, or under rules that did not need it.
func (h *kernel) putInNeeded(t *Table) error {
	grants, err := h.elementsOf(t, compiler.Grants)
	if err != nil {
		return err
	}
	doors, err := h.elementsOf(t, compiler.Doors)
	if err != nil {
		return err
	}
	needed := t.meanings().guardOf(grants)
	for _, e := range doors {
		delete(needed, guardElement{e.set, string(e.key)})
	}
	missing := map[string][]nftables.SetElement{}
	for at, lasts := range needed {
		missing[at.set] = append(missing[at.set], nftables.SetElement{Key: []byte(at.key), Timeout: compiler.ToKernel(lasts)})
	}
	for set, all := range missing {
		for some := range slices.Chunk(all, maxChanged) {
			if s := t.set(set); s != nil {
				if err := h.conn.SetAddElements(s, some); err != nil {
					return err
				}
			}
		}
	}
	return explain(h.conn.Flush())
}

// unfound are the knocks with grants that need something in the guard which is not there. A
// packet may end grants meanwhile: so only those count that live before and after. The kernel
// may leave out an element while it makes room for others: so it is asked twice for the guard.
func (h *kernel) unfound(t *Table) ([]string, error) {
	if !slices.ContainsFunc(t.sets, func(s *nftables.Set) bool { return isOf(t.own(s.Name), compiler.Doors) }) {
		return nil, nil
	}
	var of [4][]element
	for i, kind := range []compiler.SetKind{compiler.Grants, compiler.Doors, compiler.Doors, compiler.Grants} {
		var err error
		if of[i], err = h.elementsOf(t, kind); err != nil {
			return nil, err
		}
	}
	has, living := map[guardElement]bool{}, map[guardElement]bool{}
	for _, e := range slices.Concat(of[1], of[2]) {
		has[guardElement{e.set, string(e.key)}] = true
	}
	for _, e := range of[3] {
		living[guardElement{e.set, string(e.key)}] = true
	}
	m, names := t.meanings(), map[string]bool{}
	for _, e := range of[0] {
		for needs := range m.guardOf([]element{e}) {
			if !has[needs] && living[guardElement{e.set, string(e.key)}] {
				names[m.states[e.place].Knock] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// guardDoors is putInNeeded for a ruleset that was loaded over another one.
func (h *kernel) guardDoors(r *compiler.Ruleset) error {
	if !slices.ContainsFunc(r.Sets, func(s *compiler.Set) bool { return isOf(s.Name, compiler.Doors) }) {
		return nil
	}
	t, err := h.loadedTable(r)
	if err != nil {
		return err
	}
	return h.putInNeeded(t)
}

// MendGuard makes the guard fit the doors that were opened and shut while other rules were
// loaded.
func (h *kernel) MendGuard(name string) error {
	t, err := h.Table(name)
	if err != nil || t == nil {
		return err
	}
	return errors.Join(h.takeOutUseless(t), h.putInNeeded(t))
}
