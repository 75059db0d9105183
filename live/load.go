//go:build linux

package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Load loads a ruleset, in place of an older one if there is one: those who have got
// somewhere, and open doors, stay. If it fails, nothing has changed. See
// [compiler.Ruleset.Load]. What becomes of one-time codes is in the same transaction.
func (h *kernel) Load(r *compiler.Ruleset, c *codeChange) error {
	before, err := h.firstRule(r)
	if err != nil {
		return explain(err)
	}
	undo, err := h.declareCodes(r)
	if err != nil {
		return explain(err)
	}
	r.Queue(h.conn)
	if err = h.flushCodes(Location{Table: r.Table}, c); is(err, unix.ENOBUFS) {
		err = h.loaded(r, before, err)
	}
	if err != nil {
		undo()
		return c.explain(fmt.Errorf("load table %s: %w", r.Table, err))
	}
	if r.SetCollections(h.raw) != nil || h.guardDoors(r) != nil { // the rules are loaded all the same
		return h.reconnect()
	}
	return nil
}

// declareCodes makes the sets of one-time codes, before the ruleset is loaded. What it
// returns takes that back if the ruleset is not loaded after all.
func (h *kernel) declareCodes(r *compiler.Ruleset) (undo func(), err error) {
	sets := slices.DeleteFunc(slices.Clone(r.Sets), func(s *compiler.Set) bool { return !s.Codes })
	if len(sets) == 0 {
		return func() {}, nil
	}
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	isNew := !slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == r.Table })
	if isNew { // if this process dies, the table is one that waits for a policy, and not someone else's
		if err := tracker(r).Load(h.conn); err != nil {
			return nil, err
		}
	}
	if err := r.DeclareCodes(h.raw); err != nil {
		return nil, errors.Join(err, h.reconnect())
	}
	return func() {
		if isNew {
			_ = h.Remove(r.Table)
			return
		}
		for _, s := range sets { // each by itself: those that older rules use cannot be removed
			h.conn.DelSet(&nftables.Set{Table: tableOf(r.Table), Name: s.Name})
			_ = h.conn.Flush()
		}
	}, nil
}

// firstRule is the handle of a rule that each load makes again, 0 if there is none. The
// kernel gives no handle twice in a table.
func (h *kernel) firstRule(r *compiler.Ruleset) (uint64, error) {
	rules, err := h.rules(r.Table, r.Chains[0].Name)
	if err != nil || len(rules) == 0 {
		return 0, err
	}
	return rules[0].handle, nil
}

// loaded finds out whether a ruleset was loaded, if there was no room for the kernel's
// answers, as in a user namespace (net.core.rmem_max). It returns the error if not.
func (h *kernel) loaded(r *compiler.Ruleset, before uint64, failed error) error {
	if err := h.reconnect(); err != nil {
		return err
	}
	after, err := h.firstRule(r)
	if err != nil {
		return explain(err)
	}
	t, err := h.Head(r.Table)
	if err == nil && (t == nil || t.Policy != policyOf(r) || after == before) {
		err = explain(failed)
	}
	return err
}

// policyOf is the hash of the policy that a ruleset was made of.
func policyOf(r *compiler.Ruleset) string {
	hash, _ := compiler.PolicyOf(r.Mark())
	return hash
}

// Wake makes a table that someone has put to sleep guard again. That cannot be part of
// what loads rules.
func (h *kernel) Wake(name string) error {
	h.conn.AddTable(tableOf(name))
	return explain(h.conn.Flush())
}

// MakeDormant puts a table to sleep again.
func (h *kernel) MakeDormant(name string) error {
	return h.LoadText(fmt.Sprintf("add table inet %s { flags dormant; }\n", name))
}

// Remove takes a whole table out.
func (h *kernel) Remove(name string) error {
	h.conn.DelTable(tableOf(name))
	return explain(h.conn.Flush())
}

// RemoveLeftovers removes what an older ruleset left behind in the table of this one,
// which must be loaded: chains, sets and counters that it does not name, and grants
// for ever of knocks that it does not have. If it fails, these are still out of use.
func (h *kernel) RemoveLeftovers(r *compiler.Ruleset) error {
	return h.removeLeftovers(r.Table, namesOf(r), func() (*Table, error) { return h.loadedTable(r) })
}

// RemoveUnnamed is RemoveLeftovers for one that has the names, and whose rules must be read.
func (h *kernel) RemoveUnnamed(table string, names []string) error {
	return h.removeLeftovers(table, names, func() (*Table, error) { return h.read(table, true) })
}

func (h *kernel) removeLeftovers(table string, names []string, read func() (*Table, error)) error {
	remove := func() error {
		t, err := read()
		if err != nil || t == nil {
			return err
		}
		return h.removeUnnamed(t, names)
	}
	err := remove()
	if is(err, unix.ENOBUFS) { // no room for the answers: it is done, or is done again
		if err = h.reconnect(); err == nil {
			err = remove()
		}
	}
	if err != nil {
		return fmt.Errorf("cannot remove what the older policy left in table inet %s (it has no effect): %w", table, explain(err))
	}
	return nil
}

func (h *kernel) removeUnnamed(t *Table, names []string) error {
	named := map[string]bool{}
	for _, name := range names {
		named[name] = true
	}
	kept := t.sets[:0:0]
	for _, s := range t.sets { // before the chains that elements of maps lead to
		if named["set "+s.Name] {
			kept = append(kept, s)
			continue
		}
		s.Table = t.table
		h.conn.DelSet(s)
	}
	for _, c := range t.chains {
		if !named["chain "+c.Name] {
			h.conn.DelChain(&nftables.Chain{Table: t.table, Name: c.Name})
		}
	}
	for _, c := range t.counters {
		if !named["counter "+c.Name] {
			h.conn.DeleteObject(c)
		}
	}
	if err := h.conn.Flush(); err != nil {
		return err
	}
	t.sets = kept
	return h.removeGrants(t)
}

// namesOf are the names of what a ruleset makes, after its kind.
func namesOf(r *compiler.Ruleset) (names []string) {
	for _, c := range r.Chains {
		names = append(names, "chain "+c.Name)
	}
	for _, s := range r.Sets {
		names = append(names, "set "+s.Name)
		if s.Codes {
			names = append(names, "set "+markSet(s.Name))
		}
	}
	for _, d := range r.Maps() {
		names = append(names, "set "+d.Name)
	}
	for _, c := range r.Counters {
		names = append(names, "counter "+c.Name)
	}
	return names
}

// isNameOfCodes reports whether a name is that of a set of one-time codes.
func isNameOfCodes(name string) bool {
	set, isSet := strings.CutPrefix(name, "set ")
	_, ofCodes := compiler.KnockOfCodes(set)
	return isSet && ofCodes
}

// removeGrants removes grants that do not end by themselves and that no rule of the
// table makes or asks for.
func (h *kernel) removeGrants(t *Table) error {
	states := t.meanings().states
	_, err := h.deleteFound(t, func() ([]element, error) {
		grants, err := h.elementsOf(t, compiler.Grants)
		return slices.DeleteFunc(grants, func(e element) bool {
			_, known := states[e.place]
			return known || e.timeout < lang.Forever
		}), err
	})
	if err != nil {
		return err
	}
	return h.takeOutUseless(t)
}
