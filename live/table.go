//go:build linux

package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
)

// head is what tells a table that knockc made from others, as it was when it was read.
type head struct {
	Name   string
	Policy string    // the hash of the policy that it was made of
	Loaded time.Time // when it was loaded, zero if nobody has noted it

	Dormant bool               // someone has put it to sleep: it guards nothing
	Hook    compiler.HookPoint // where it looks at packets first

	table *nftables.Table
}

// Table is all of a table that knockc made, or all of a fragment in another table. Chains,
// rules and counters have the names that they have in a ruleset.
type Table struct {
	head
	fragment string // its name; empty: the table is knockc's
	chains   []*nftables.Chain
	rules    map[string][]rule // by chain
	sets     []*nftables.Set   // and maps; see [Table.set]
	counters []*nftables.NamedObj

	told *meanings // what the rules tell, if that is known without reading them
}

// Table reads the table of a name; nil if there is none, a [ForeignError] if it is
// someone else's.
func (h *kernel) Table(name string) (*Table, error) { return h.read(name, true) }

// MayRead is an error if the kernel refuses to tell anything.
func (h *kernel) MayRead() error {
	if err := h.connect(); err != nil {
		return err
	}
	_, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	return explain(err)
}

// Head reads as much of a table as tells whose it is and what it is for, with a few
// requests. The rest is as for Table.
func (h *kernel) Head(name string) (*head, error) {
	t, err := h.read(name, false)
	if err != nil || t == nil {
		return nil, err
	}
	return &t.head, nil
}

func (h *kernel) read(name string, whole bool) (*Table, error) {
	return steady(h, func() (*Table, error) { return h.tryRead(name, whole) })
}

func (h *kernel) tryRead(name string, whole bool) (*Table, error) {
	if err := h.connect(); err != nil {
		return nil, err
	}
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, explain(err)
	}
	i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == name })
	if i < 0 {
		return nil, nil
	}
	t := &Table{head: head{Name: name, Dormant: isDormant(tables[i]), table: tableOf(name)}, rules: map[string][]rule{}}
	err = h.readChains(t)
	if err == nil {
		err = h.readRules(t, func(c *nftables.Chain) bool { return hookOf(c) != nil })
	}
	if err == nil && !t.findMark() {
		return nil, &ForeignError{name}
	}
	if err == nil && whole {
		err = h.readRules(t, func(c *nftables.Chain) bool { return hookOf(c) == nil })
	}
	if err == nil && whole {
		err = h.readSets(t)
	}
	if err != nil {
		return nil, fmt.Errorf("read table inet %s: %w", name, explain(err))
	}
	return t, nil
}

// Has reports whether there is a table of a name.
func (h *kernel) Has(name string) (bool, error) {
	if err := h.connect(); err != nil {
		return false, err
	}
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	return slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == name }), explain(err)
}

// settling reports whether the table does nothing but keep connection tracking on.
func (t *head) settling() bool { return t.Policy == settling }

// loadedTable is the table of a ruleset that was just loaded, whose rules need not be read:
// they are known.
func (h *kernel) loadedTable(r *compiler.Ruleset) (*Table, error) {
	t := &Table{head: head{Name: r.Table, table: tableOf(r.Table)}, told: meaningsOf(r)}
	return t, errors.Join(h.readChains(t), h.readSets(t))
}

func tableOf(name string) *nftables.Table {
	return &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
}

// isDormant reads a table's flags, which the library has in the wrong byte order.
func isDormant(t *nftables.Table) bool {
	flags := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, t.Flags))
	return flags&unix.NFT_TABLE_F_DORMANT != 0
}

func (h *kernel) readChains(t *Table) error {
	all, err := h.conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	t.chains = slices.DeleteFunc(all, func(c *nftables.Chain) bool { return c.Table.Name != t.Name })
	return err
}

// readRules reads those of some of the chains.
func (h *kernel) readRules(t *Table, of func(*nftables.Chain) bool) (err error) {
	for _, c := range t.chains {
		if !of(c) {
			continue
		}
		if t.rules[c.Name], err = h.rules(t.Name, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// readSets reads which sets, maps and counters there are.
func (h *kernel) readSets(t *Table) error {
	sets, err := h.conn.GetSets(t.table)
	if err != nil {
		return err
	}
	t.sets = slices.DeleteFunc(sets, func(s *nftables.Set) bool { return s.Anonymous })
	objects, err := h.conn.GetNamedObjects(t.table)
	for _, o := range objects {
		if named, ok := o.(*nftables.NamedObj); ok {
			t.counters = append(t.counters, named)
		}
	}
	return err
}

// findMark reads the mark, which is in the base chain: in its first rule, unless someone
// has put others before it.
func (t *Table) findMark() bool {
	for _, c := range t.chains {
		if mark, ok := markOf(t.rules[c.Name]); ok && hookOf(c) != nil {
			t.Policy, t.Loaded, t.Hook = mark.Text, mark.Loaded, hookOf(c).Point
			return true
		}
	}
	return false
}

// set finds a set by its name in a ruleset, nil if there is none.
func (t *Table) set(name string) *nftables.Set {
	if i := slices.IndexFunc(t.sets, func(s *nftables.Set) bool { return t.own(s.Name) == name }); i >= 0 {
		return t.sets[i]
	}
	return nil
}

// own is the name in a ruleset of what has another one in a fragment.
func (t *Table) own(name string) string {
	if t.fragment != "" {
		name, _ = compiler.NameIn(t.fragment, name)
	}
	return name
}
