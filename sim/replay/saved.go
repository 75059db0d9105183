package replay

import (
	"maps"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/sim"
)

// Saved is how far a replay was: see [Player.Save].
type Saved struct {
	machine sim.Saved
	spent   map[string]map[int64]use // by knock: codes of periods
}

// Save keeps how far a replay is at a time, which must not be before that of the last
// packet. The player must have an exact clock.
func (p *Player) Save(at time.Duration) Saved {
	s := Saved{machine: p.machine.Save(at)}
	if len(p.codes.knocks) > 0 {
		s.spent = map[string]map[int64]use{}
	}
	for name, k := range p.codes.knocks {
		s.spent[name] = maps.Clone(k.added)
	}
	return s
}

// Restore goes back, or forward, to where a replay was.
func (p *Player) Restore(s Saved) {
	p.machine.Restore(s.machine)
	for name, k := range p.codes.knocks {
		k.added = map[int64]use{}
		maps.Copy(k.added, s.spent[name])
	}
}

// Lives calls see with all that the machine remembers at a time, see [sim.Machine.Lives],
// and with the codes that were spent, as elements of their set: those of the present
// period have State 0, those of the next 1 and of the one before ^0.
func (p *Player) Lives(at time.Duration, see func(sim.Life)) {
	p.machine.Lives(at, see)
	now := p.codes.start.Add(at)
	for _, k := range p.codes.knocks {
		present := codes.Period(now, k.Period)
		for period, u := range k.added {
			if left := p.codes.ends(k, period) - at; u.number > 0 && left > 0 {
				see(sim.Life{Set: k.Set, State: uint64(period - present), Left: left})
			}
		}
	}
}
