//go:build linux

package live

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
)

// Fragment reads a fragment in a user's table, nil if there is none.
func (h *kernel) Fragment(at Location) (*Table, error) {
	return steady(h, func() (*Table, error) { return h.tryFragment(at) })
}

func (h *kernel) tryFragment(at Location) (*Table, error) {
	if err := h.connect(); err != nil {
		return nil, err
	}
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, explain(err)
	}
	t := &Table{head: head{Name: at.Table, table: tableOf(at.Table)}, fragment: at.Fragment, rules: map[string][]rule{}}
	for _, is := range tables {
		t.Dormant = t.Dormant || is.Name == at.Table && isDormant(is)
	}
	if err = h.readChains(t); err == nil {
		err = h.readFragment(t)
	}
	if err != nil {
		return nil, fmt.Errorf("read %v: %w", at, explain(err))
	}
	for _, rules := range t.rules {
		if mark, ok := markOf(rules); ok {
			t.Policy = mark.Text
			return t, nil
		}
	}
	return nil, nil
}

// readFragment reads all of a fragment, whose table's chains were read, and gives it the
// names of a ruleset.
func (h *kernel) readFragment(t *Table) error {
	var chains []*nftables.Chain
	t.Hook = compiler.Prerouting
	for _, c := range t.chains {
		own, ok := compiler.NameIn(t.fragment, c.Name)
		if !ok {
			continue
		}
		if c.Name == t.fragment {
			t.Hook = compiler.Input
		}
		rules, err := h.rules(t.Name, c.Name)
		if err != nil {
			return err
		}
		for i := range rules {
			for j := range rules[i].changes {
				change := &rules[i].changes[j]
				change.set = t.own(change.set)
			}
		}
		t.rules[own] = rules
		c.Name = own
		chains = append(chains, c)
	}
	t.chains = chains
	if err := h.readSets(t); err != nil {
		return err
	}
	var sets []*nftables.Set
	for _, s := range t.sets {
		if _, ok := compiler.NameIn(t.fragment, s.Name); ok {
			sets = append(sets, s)
		}
	}
	var counters []*nftables.NamedObj
	for _, c := range t.counters {
		if own, ok := compiler.NameIn(t.fragment, c.Name); ok {
			c.Name = own
			counters = append(counters, c)
		}
	}
	t.sets, t.counters = sets, counters
	return nil
}

// entries are the chains that the owner of a fragment's table jumps to.
func (t *Table) entries() (names []string) {
	for _, c := range t.chains {
		switch {
		case !compiler.IsEntry(c.Name):
		case t.Hook == compiler.Input:
			names = append(names, t.fragment)
		default:
			names = append(names, t.fragment+"_"+c.Name)
		}
	}
	return names
}

// inFragment is what a fragment has of a ruleset, with the names of the ruleset.
func inFragment(r *compiler.Ruleset) *compiler.Ruleset {
	f := r.Fragment()
	for _, c := range f.Chains {
		c.Name, _ = compiler.NameIn(r.Table, c.Name)
	}
	f.Sets, f.Counters = r.Sets, r.Counters
	return f
}

// unused are the entries of a fragment to which no rule jumps: what they would decide
// nobody asks. Uses change also while `nft -c` tries a file, so it takes two looks.
func (h *kernel) unused(t *Table) (names []string, err error) {
	names, err = h.unusedNow(t)
	if err != nil || len(names) == 0 {
		return names, err
	}
	if err := h.awaitTransaction(); err != nil {
		return nil, err
	}
	again, err := h.unusedNow(t)
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(again, name) }), err
}

func (h *kernel) unusedNow(t *Table) (names []string, err error) {
	uses, err := h.uses(t.Name)
	if err != nil {
		return nil, explain(err)
	}
	for _, name := range t.entries() {
		own, _ := compiler.NameIn(t.fragment, name)
		if uses[name] <= uint64(len(t.rules[own])) {
			names = append(names, name)
		}
	}
	return names, nil
}

// uses are how often each chain of a table is used, by its own rules and by those that lead
// to it (nft_chain.use).
func (h *kernel) uses(table string) (map[string]uint64, error) {
	all := map[string]uint64{}
	request := []byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0} // nfgenmsg
	_, err := h.dumper.dump(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETCHAIN, request, func(entry []byte) {
		chain := entry[min(len(request), len(entry)):]
		if text(find(chain, unix.NFTA_CHAIN_TABLE)) == table {
			all[text(find(chain, unix.NFTA_CHAIN_NAME))] = bigEndian(find(chain, unix.NFTA_CHAIN_USE))
		}
	})
	return all, err
}
