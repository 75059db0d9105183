package live

import (
	"fmt"

	"github.com/google/nftables"

	"knockc/compiler"
)

// Load loads a ruleset, in place of an older one if there is one: those who have got
// somewhere, and open doors, stay. See [compiler.Ruleset.Load].
func (h *Host) Load(r *compiler.Ruleset) error { return explain(r.Load(h.conn)) }

// Wake makes a table that someone has put to sleep guard again. That cannot be part of
// what loads rules.
func (h *Host) Wake(t *Table) error {
	h.conn.AddTable(t.table)
	return explain(h.conn.Flush())
}

// RemoveLeftovers removes what an older ruleset left behind in the table of this one,
// which must be loaded: chains, sets and counters that it does not name, and grants
// for ever of knocks that it does not have.
func (h *Host) RemoveLeftovers(r *compiler.Ruleset) error {
	t, err := h.Table(r.Table)
	if err != nil || t == nil {
		return err
	}
	named := namesOf(r)
	for _, s := range t.sets { // before the chains that elements of maps lead to
		if !named["set "+s.Name] {
			s.Table = t.table
			h.conn.DelSet(s)
		}
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
	err = h.conn.Flush()
	if err == nil {
		err = h.removeGrants(t)
	}
	if err != nil {
		return fmt.Errorf("remove what the older policy left in table inet %s: %w", r.Table, explain(err))
	}
	return nil
}

func namesOf(r *compiler.Ruleset) map[string]bool {
	names := map[string]bool{}
	for _, c := range r.Chains {
		names["chain "+c.Name] = true
	}
	for _, s := range r.Sets {
		names["set "+s.Name] = true
	}
	for _, d := range r.Maps() {
		names["set "+d.Name] = true
	}
	for _, c := range r.Counters {
		names["counter "+c.Name] = true
	}
	return names
}

// removeGrants removes grants that do not end by themselves and that no rule of the
// table makes or asks for.
func (h *Host) removeGrants(t *Table) error {
	states := t.meanings().states
	_, err := h.deleteWhere(t, []string{"grants"}, func(e element) bool {
		_, known := states[e.place]
		return !known && e.timeout == 0
	})
	return err
}
