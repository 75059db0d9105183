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
	Until    time.Duration // its deadline, or the end of the grant, the latest that it can be; [sim.Never]
	Depends  bool          // on the tick: it stands further back in some phases, or nowhere
}

// Standings are where all sources stand at a time, which must not be before the last
// packet's: by source, and then in the order of the policy.
func (p *Player) Standings(at time.Duration) []Standing {
	knocks := map[string]*lang.Knock{}
	for _, k := range p.policy.Knocks {
		knocks[k.Name.Text] = k
	}
	var all []Standing
	for e := range p.machine.Elements(at) {
		m, ok := p.symbols.Meaning(e.Set, e.State)
		if ok && (m.Role == compiler.Grant || m.Step > 0) {
			all = append(all, Standing{
				Source: cut(knocks[m.Knock], e.Src), Knock: m.Knock, Role: m.Role, Step: m.Step, Of: m.Of, Until: e.Expires,
			})
		}
	}
	all = p.sorted(all)
	return slices.CompactFunc(all, func(a, b Standing) bool { return a.key() == b.key() }) // only the furthest step
}

// sorted sorts standings by source, and then in the order of the policy.
func (p *Player) sorted(all []Standing) []Standing {
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
	return all
}

// stood is where sources stand in several phases.
type stood struct {
	phases int
	by     map[stoodKey]*stoodAt
}

type stoodKey struct {
	source netip.Prefix
	knock  string
	role   compiler.Role
}

// stoodAt is the furthest standing, and how often there was one.
type stoodAt struct {
	Standing
	phases int
}

func (s Standing) key() stoodKey { return stoodKey{s.Source, s.Knock, s.Role} }

// add adds the standings of a phase.
func (a *stood) add(all []Standing) {
	a.phases++
	for _, s := range all {
		at := a.by[s.key()]
		if at == nil {
			a.by[s.key()] = &stoodAt{s, 1}
			continue
		}
		at.phases++
		at.Depends = at.Depends || at.Step != s.Step
		if at.Step < s.Step || at.Step == s.Step && at.Until < s.Until {
			at.Step, at.Until = s.Step, s.Until
		}
	}
}

// together are the standings of all phases as one, in no order.
func (a *stood) together() []Standing {
	var all []Standing
	for _, at := range a.by {
		at.Depends = at.Depends || at.phases < a.phases
		all = append(all, at.Standing)
	}
	return all
}
