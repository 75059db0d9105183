package replay

import (
	"cmp"
	"net/netip"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/sim"
)

// Top counts by source, in bounded memory. It leaves out results that depend on the
// tick.
type Top struct {
	Packets  Tally // all
	Openings Tally // those that opened a door or renewed a grant
	Refusals Tally // those that were dropped or rejected
}

// Watch counts the packets of a player from now on.
func (t *Top) Watch(p *Player) { p.Watch(topWatcher{t, p}) }

type topWatcher struct {
	top    *Top
	player *Player
}

func (w topWatcher) Packet(p *sim.Packet, verdict compiler.VerdictKind, changes []sim.Change) {
	w.top.Packets.add(p.Src)
	if w.player.machine.Doubt() == nil && (verdict == compiler.Drop || verdict == compiler.Rejected) {
		w.top.Refusals.add(p.Src)
	}
	for _, c := range changes {
		if s, ok := w.player.symbols.Meaning(c.Set, c.State); ok && s.Role == compiler.Grant && !c.Ended && !c.Unsure {
			w.top.Openings.add(p.Src)
			break
		}
	}
}

// Tally counts how often sources come up. The counts are exact if there are not too
// many sources. Otherwise it forgets rare sources, by the algorithm of Misra and Gries:
// no count is too high, and none is too low by more than Short.
type Tally struct {
	Short  int
	counts map[netip.Addr]int
}

// tallied is how many sources a tally knows at most.
const tallied = 1 << 16

func (t *Tally) add(src netip.Addr) {
	if t.counts == nil {
		t.counts = map[netip.Addr]int{}
	}
	t.counts[src]++
	if len(t.counts) > tallied {
		t.forget()
	}
}

// forget takes as much from each count as leaves half of the sources at most.
func (t *Tally) forget() {
	counts := make([]int, 0, len(t.counts))
	for _, n := range t.counts {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	less := counts[len(counts)/2]
	t.Short += less
	for src, n := range t.counts {
		if n <= less {
			delete(t.counts, src)
		} else {
			t.counts[src] = n - less
		}
	}
}

// Count is how often a source came up.
type Count struct {
	Source netip.Addr
	N      int
}

// First are the n sources that came up most often.
func (t *Tally) First(n int) []Count {
	var all []Count
	for src, n := range t.counts {
		all = append(all, Count{src, n})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(-cmp.Compare(a.N, b.N), a.Source.Compare(b.Source)) })
	return all[:min(n, len(all))]
}
