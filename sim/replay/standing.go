package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// Standing is how far a source is with a knock.
type Standing struct {
	Source          netip.Prefix
	compiler.Symbol               // the furthest step of a sequence, or the open door
	Until           time.Duration // its deadline, or the end of the grant, the latest that it can be; [sim.Never]
	Depends         bool          // on the tick: perhaps the source is less far, or has no progress
}

// Snapshot is how far all sources are at a time.
type Snapshot struct {
	At        time.Duration
	Standings []Standing
}

// TakeSnapshots asks how far all sources are at some times, given in their order.
func (p *Player) TakeSnapshots(at []time.Duration) { p.asked = at }

// Snapshots are those that were asked for with [Player.TakeSnapshots]. No packet may
// follow.
func (p *Player) Snapshots() []Snapshot {
	p.takeSnapshots(sim.Never)
	return p.taken
}

// takeSnapshots takes those before a packet that comes at a time.
func (p *Player) takeSnapshots(packet time.Duration) {
	for len(p.asked) > 0 && p.asked[0] < packet {
		p.taken = append(p.taken, Snapshot{p.asked[0], p.Standings(p.asked[0])})
		p.asked = p.asked[1:]
	}
}

// Standings say how far all sources are at a time, which must not be before that of the
// last packet. They are sorted by source, and then in the order of the policy.
func (p *Player) Standings(at time.Duration) []Standing {
	knocks := map[string]*lang.Knock{}
	for _, k := range p.policy.Knocks {
		knocks[k.Name.Text] = k
	}
	var all []Standing
	for e := range p.machine.Elements(at) {
		m, ok := p.symbols.Meaning(e.Set, e.State)
		if ok && (m.Role == compiler.Grant || m.Step > 0) {
			all = append(all, Standing{cut(knocks[m.Knock], e.Src), m, e.Expires, e.Doubt != nil})
		}
	}
	order := map[string]int{}
	for i, k := range p.policy.Knocks {
		order[k.Name.Text] = i
	}
	slices.SortFunc(all, func(a, b Standing) int {
		return cmp.Or(
			a.Source.Addr().Compare(b.Source.Addr()), cmp.Compare(a.Source.Bits(), b.Source.Bits()),
			cmp.Compare(order[a.Knock], order[b.Knock]), -cmp.Compare(a.Role, b.Role), -cmp.Compare(a.Step, b.Step),
		)
	})
	return slices.CompactFunc(all, func(a, b Standing) bool { // only the furthest step
		return a.Source == b.Source && a.Knock == b.Knock && a.Role == b.Role
	})
}
