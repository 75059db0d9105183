package replay

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"knockc/compiler"
	"knockc/lang"
)

// Standing is where a source stands with a knock.
type Standing struct {
	Source   netip.Prefix
	Knock    string
	Role     compiler.Role
	Step, Of int           // the furthest step of a sequence, unless the door is open
	Until    time.Duration // its deadline, or the end of the grant; [sim.Never]
}

// Standings are where all sources stand at a time, which must not be before the last
// packet's: by source, and then in the order of the policy.
func (p *Player) Standings(at time.Duration) []Standing {
	knocks, order := map[string]*lang.Knock{}, map[string]int{}
	for i, k := range p.policy.Knocks {
		knocks[k.Name.Text], order[k.Name.Text] = k, i
	}
	var all []Standing
	for e := range p.machine.Elements(at) {
		m, ok := p.symbols.Meaning(e.Set, e.State)
		if ok && (m.Role == compiler.Grant || m.Step > 0) {
			all = append(all, Standing{cut(knocks[m.Knock], e.Src), m.Knock, m.Role, m.Step, m.Of, e.Expires})
		}
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
