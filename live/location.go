//go:build linux

package live

import (
	"slices"

	"github.com/google/nftables"

	"example.org/knockc/compiler"
)

// Location is where the rules of a policy are: in a table of their own, or as a fragment in
// a user's table. Both are of the family inet.
type Location struct {
	Table    string
	Fragment string // the name that the policy gives, with which a fragment's names begin; empty: the table is their own
}

func (l Location) String() string {
	if l.Fragment == "" {
		return "table inet " + l.Table
	}
	return "fragment " + l.Fragment + " in table inet " + l.Table
}

// is reports whether a user means it by a name: that of the table, or the one in the policy.
func (l Location) is(name string) bool { return l.Table == name || l.Fragment == name }

// FindAll finds where policies are, with a name those that it can mean. There is one at
// least; else the error is a [NotLoadedError], or a [ForeignError] if there is a table of
// that name.
func (h *Host) FindAll(name string) ([]Location, error) {
	return steady(h.tables, func() ([]Location, error) { return h.tryFindAll(name) })
}

func (h *Host) tryFindAll(name string) ([]Location, error) {
	all, err := h.tables.Locations()
	if err != nil {
		return nil, err
	}
	if name != "" {
		own := Location{Table: name}
		if slices.Contains(all, own) {
			return []Location{own}, nil
		}
		all = slices.DeleteFunc(all, func(l Location) bool { return !l.is(name) })
	}
	if len(all) > 0 {
		return all, nil
	}
	there := false
	if name != "" {
		there, err = h.tables.Has(name)
	}
	switch {
	case err != nil:
		return nil, err
	case there:
		return nil, &ForeignError{name}
	}
	return nil, &NotLoadedError{Table: name}
}

// Find is FindAll for a command that works on one: a [SeveralError] if there are more.
func (h *Host) Find(name string) (Location, error) {
	all, err := h.FindAll(name)
	switch {
	case err != nil:
		return Location{}, err
	case len(all) > 1:
		return Location{}, &SeveralError{all}
	}
	return all[0], nil
}

// Others are where other policies are than in a table.
func (h *Host) Others(table string) ([]Location, error) {
	all, err := h.tables.Locations()
	return slices.DeleteFunc(all, func(l Location) bool { return l == Location{Table: table} }), err
}

func (h *kernel) Locations() ([]Location, error) {
	return steady(h, h.tryLocations)
}

func (h *kernel) tryLocations() ([]Location, error) {
	if err := h.connect(); err != nil {
		return nil, err
	}
	chains, err := h.conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, explain(err)
	}
	var all []Location
	add := func(at Location, chain string) error {
		if slices.Contains(all, at) {
			return nil
		}
		rules, err := h.rules(at.Table, chain)
		if _, ok := markOf(rules); ok {
			all = append(all, at)
		}
		return explain(err)
	}
	type name struct{ table, chain string }
	names := map[name]bool{}
	for _, c := range chains {
		names[name{c.Table.Name, c.Name}] = true
		if hookOf(c) != nil {
			if err := add(Location{Table: c.Table.Name}, c.Name); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range chains {
		fragment := compiler.FragmentOf(c.Name, func(chain string) bool { return names[name{c.Table.Name, chain}] })
		if fragment != "" && hookOf(c) == nil && !slices.Contains(all, Location{Table: c.Table.Name}) {
			if err := add(Location{c.Table.Name, fragment}, c.Name); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// markOf is the mark among rules. It is at the first, unless someone has put others before
// that.
func markOf(rules []rule) (mark compiler.Legend, ok bool) {
	for _, r := range rules {
		if l, _ := compiler.ParseLegend(r.comment); l.For == compiler.ForMark {
			return l, true
		}
	}
	return compiler.Legend{}, false
}
