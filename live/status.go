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
	Location
	Policy  string    // the hash of the policy that is loaded
	Loaded  time.Time // when the rules were loaded, zero if nobody has noted it
	Dormant bool      // someone has put the table to sleep: it guards nothing

	// Unused are the chains of a fragment that its table has to jump to, and does not.
	Unused []string

	// Unfound are knocks with open doors that the rules do not find where many knocks guard a
	// port: nft, and not Apply, has loaded the rules over some that asked no guard of doors.
	Unfound []string

	// ChangedByHand is what someone has changed in the policy that is wanted, if that is loaded.
	ChangedByHand string

	Knocks    []KnockStatus
	Standings []Standing // by knock: open doors, steps of `close`, the other steps
	Sets      []SetStatus
}

// KnockStatus is about a knock. Packets are counted since its table was made.
type KnockStatus struct {
	Knock
	StepsDone uint64 // packets that did a step but the last
	Opened    uint64 // packets that opened the door, or kept it open

	// Attempts. They are nil if the rules do not count them because an earlier version has
	// made them, and Barred if the knock has neither `from` nor `on`.
	LetIn   *uint64 // at its services, by its grants
	Refused *uint64 // at its services; knocks that guard the same port have them in common
	Barred  *uint64 // at its steps, where `from` or `on` does not admit them

	Open     int // sources for which it is open
	Underway int // other sources that have done a step

	Codes *CodesStatus // nil if it needs none
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
	s := &Status{Location: Location{t.Name, t.fragment}, Policy: t.Policy, Loaded: t.Loaded, Dormant: t.Dormant}
	m := t.meanings()
	for _, set := range t.sets {
		if _, ofCodes := compiler.KnockOfCodes(t.own(set.Name)); set.IsMap || ofCodes || isMarkSet(t.own(set.Name)) {
			continue
		}
		all, err := h.elements(t, t.own(set.Name))
		if err != nil {
			return nil, err
		}
		s.Sets = append(s.Sets, SetStatus{t.own(set.Name), len(all), int(set.Size)})
		s.Standings = append(s.Standings, m.standing(all)...)
	}
	slices.SortFunc(s.Standings, Standing.compare)
	slices.SortFunc(s.Sets, func(a, b SetStatus) int { return cmp.Compare(a.Name, b.Name) })
	var err error
	if s.Unfound, err = h.unfound(t); err != nil {
		return nil, err
	}
	if t.fragment != "" {
		if s.Unused, err = h.unused(t); err != nil {
			return nil, err
		}
	}
	counts := t.counted()
	for _, name := range slices.Sorted(maps.Keys(m.knocks)) {
		k := counts.of(m.knocks[name])
		k.Open, k.Underway = sourcesOf(name, s.Standings)
		s.Knocks = append(s.Knocks, k)
	}
	return s, nil
}

// counted is how many packets the counters of a table have counted, by name.
type counted map[string]uint64

func (t *Table) counted() counted {
	all := counted{}
	for _, c := range t.counters {
		if packets, ok := c.Obj.(*expr.Counter); ok {
			all[c.Name] = packets.Packets
		}
	}
	return all
}

// of is what was counted of a knock.
func (c counted) of(knock *Knock) KnockStatus {
	var refused []string
	for _, at := range knock.points {
		refused = append(refused, compiler.RefusedCounter(at))
	}
	return KnockStatus{
		Knock:     *knock,
		StepsDone: c[compiler.StepsCounter(knock.Name)],
		Opened:    c[compiler.OpenedCounter(knock.Name)],
		LetIn:     c.sum(compiler.LetInCounter(knock.Name)),
		Refused:   c.sum(refused...),
		Barred:    c.sum(compiler.BarredCounter(knock.Name)),
	}
}

// sum adds up the counters that there are; nil if there are none.
func (c counted) sum(names ...string) (sum *uint64) {
	for _, name := range names {
		if n, ok := c[name]; ok {
			if sum == nil {
				sum = new(uint64)
			}
			*sum += n
		}
	}
	return sum
}

// sourcesOf counts the sources for which a knock is open, and those that are under way.
func sourcesOf(knock string, all []Standing) (open, underway int) {
	isOpen := map[netip.Prefix]bool{}
	at := map[netip.Prefix]bool{}
	for _, s := range all {
		switch {
		case s.Knock != knock:
		case s.Role == compiler.Grant:
			isOpen[s.Source] = true
		default:
			at[s.Source] = true
		}
	}
	for source := range isOpen {
		delete(at, source)
	}
	return len(isOpen), len(at)
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

// Nearest is Furthest without the steps of sources for which the door is open, except those
// that shut it. Open doors come first, then those that are nearest to opening one.
func Nearest(all []Standing) []Standing {
	type door struct {
		knock  string
		source netip.Prefix
	}
	open := map[door]bool{}
	for _, s := range all {
		open[door{s.Knock, s.Source}] = open[door{s.Knock, s.Source}] || s.Role == compiler.Grant
	}
	near := slices.DeleteFunc(Furthest(all), func(s Standing) bool { return s.Role == compiler.Opening && open[door{s.Knock, s.Source}] })
	slices.SortStableFunc(near, func(a, b Standing) int {
		return cmp.Or(-cmp.Compare(a.Role, b.Role), cmp.Compare(a.Of-a.Step, b.Of-b.Step))
	})
	return near
}
