//go:build linux

package live

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables/expr"

	"example.org/knockc/compiler"
)

// Status is what has happened at a table, and who is where.
type Status struct {
	Table   string
	Policy  string // the hash of the policy that is loaded
	Dormant bool   // someone has put the table to sleep: it guards nothing

	// ChangedByHand is what someone has changed in the policy that is wanted, if that is loaded.
	ChangedByHand string

	Knocks    []KnockStatus
	Standings []Standing // by knock: open doors, steps of `close`, the other steps
	Sets      []SetStatus
}

// KnockStatus is about a knock, since its table was made.
type KnockStatus struct {
	Knock
	StepsDone uint64 // packets that did a step but the last
	Opened    uint64 // packets that opened the door, or kept it open
	Open      int    // sources for which it is open
	Underway  int    // sources that have done a step
}

// Standing is where a source is with a knock: an open door, or the step that it has done.
type Standing struct {
	Source netip.Prefix // what counts as one source
	compiler.Symbol
	Left time.Duration // until it ends; [lang.Forever]
}

// SetStatus is how full a set of sources is.
type SetStatus struct {
	Name     string
	Elements int // living
	Size     int
}

// Status reads what there is to know about a table.
func (h *kernel) Status(t *Table) (*Status, error) {
	s := &Status{Table: t.Name, Policy: t.Policy, Dormant: t.Dormant}
	m := t.meanings()
	for _, set := range t.sets {
		if set.IsMap {
			continue
		}
		all, err := h.elements(t, set.Name)
		if err != nil {
			return nil, err
		}
		s.Sets = append(s.Sets, SetStatus{set.Name, len(all), int(set.Size)})
		s.Standings = append(s.Standings, m.standing(all)...)
	}
	slices.SortFunc(s.Standings, Standing.compare)
	slices.SortFunc(s.Sets, func(a, b SetStatus) int { return cmp.Compare(a.Name, b.Name) })
	for _, name := range slices.Sorted(maps.Keys(m.knocks)) {
		k := KnockStatus{Knock: *m.knocks[name], StepsDone: t.counter(compiler.StepsCounter(name)), Opened: t.counter(compiler.OpenedCounter(name))}
		sources := map[netip.Prefix]bool{}
		for _, standing := range s.Standings {
			switch {
			case standing.Knock != name:
			case standing.Role == compiler.Grant:
				k.Open++
			default:
				sources[standing.Source] = true
			}
		}
		k.Underway = len(sources)
		s.Knocks = append(s.Knocks, k)
	}
	return s, nil
}

func (t *Table) counter(name string) uint64 {
	for _, c := range t.counters {
		if packets, ok := c.Obj.(*expr.Counter); ok && c.Name == name {
			return packets.Packets
		}
	}
	return 0
}

// standing is what elements say of their sources, as far as it is about knocks.
func (m *meanings) standing(all []element) []Standing {
	var found []Standing
	for _, e := range all {
		s, known := m.states[e.place]
		if !known {
			continue
		}
		source, _ := e.src.Prefix(s.bits)
		found = append(found, Standing{source, s.Symbol, e.left})
	}
	slices.SortFunc(found, Standing.compare)
	return found
}

func (s Standing) compare(other Standing) int {
	return cmp.Or(
		cmp.Compare(s.Knock, other.Knock), -cmp.Compare(s.Role, other.Role),
		s.Source.Addr().Compare(other.Source.Addr()), cmp.Compare(s.Step, other.Step),
	)
}

// Furthest leaves out steps of sources that have done a later one too.
func Furthest(all []Standing) []Standing {
	var kept []Standing
	for _, d := range all {
		if n := len(kept) - 1; n >= 0 && kept[n].Knock == d.Knock && kept[n].Role == d.Role && kept[n].Source == d.Source {
			kept = kept[:n]
		}
		kept = append(kept, d)
	}
	return kept
}
