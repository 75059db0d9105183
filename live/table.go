package live

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"knockc/compiler"
)

// Table is a table that knockc made, as it was when it was read.
type Table struct {
	Name   string
	Policy string // the hash of the policy that it was made of

	Dormant bool               // someone has put it to sleep: it guards nothing
	Hook    compiler.HookPoint // where it looks at packets first

	table    *nftables.Table
	chains   []*nftables.Chain
	rules    map[string][]rule // by chain
	sets     []*nftables.Set   // and maps
	counters []*nftables.NamedObj
}

// ForeignError says that there is a table of that name, but knockc did not make it.
type ForeignError struct{ Table string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("table inet %s was not made by knockc: leave it alone and give the policy another name with `table NAME`, or delete it: nft delete table inet %s", e.Table, e.Table)
}

// Table reads the table of a name; nil if there is none, a [ForeignError] if it is
// someone else's.
func (h *Host) Table(name string) (*Table, error) {
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, explain(err)
	}
	i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == name })
	if i < 0 {
		return nil, nil
	}
	for try := 1; ; try++ {
		t := &Table{Name: name, Dormant: isDormant(tables[i]), table: &nftables.Table{Name: name, Family: nftables.TableFamilyINet}, rules: map[string][]rule{}}
		err := explain(h.read(t))
		switch {
		case is(err, unix.ENOENT) && try < maxTries: // someone changes it meanwhile
			continue
		case err != nil:
			return nil, fmt.Errorf("read table inet %s: %w", name, err)
		case !t.findMark():
			return nil, &ForeignError{name}
		}
		return t, nil
	}
}

// isDormant reads a table's flags, which the library has in the wrong byte order.
func isDormant(t *nftables.Table) bool {
	flags := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, t.Flags))
	return flags&unix.NFT_TABLE_F_DORMANT != 0
}

func (h *Host) read(t *Table) error {
	all, err := h.conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Table.Name == t.Name {
			t.chains = append(t.chains, c)
		}
	}
	for _, c := range t.chains {
		if t.rules[c.Name], err = h.rules(t.Name, c.Name); err != nil {
			return err
		}
	}
	if t.sets, err = h.conn.GetSets(t.table); err != nil {
		return err
	}
	t.sets = slices.DeleteFunc(t.sets, func(s *nftables.Set) bool { return s.Anonymous })
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
		for _, r := range t.rules[c.Name] {
			if hash, ok := compiler.PolicyOf(r.comment); ok && hookOf(c) != nil {
				t.Policy, t.Hook = hash, hookOf(c).Point
				return true
			}
		}
	}
	return false
}

// Others are the names of other tables that knockc made.
func (h *Host) Others(name string) ([]string, error) {
	chains, err := h.conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, explain(err)
	}
	var others []string
	for _, c := range chains {
		if c.Hooknum == nil || c.Table.Name == name || slices.Contains(others, c.Table.Name) {
			continue
		}
		rules, err := h.rules(c.Table.Name, c.Name)
		if err != nil {
			return nil, explain(err)
		}
		for _, r := range rules {
			if _, ok := compiler.PolicyOf(r.comment); ok {
				others = append(others, c.Table.Name)
				break
			}
		}
	}
	return others, nil
}

// set finds a set by its name, nil if there is none.
func (t *Table) set(name string) *nftables.Set {
	if i := slices.IndexFunc(t.sets, func(s *nftables.Set) bool { return s.Name == name }); i >= 0 {
		return t.sets[i]
	}
	return nil
}
