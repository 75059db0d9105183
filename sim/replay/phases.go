package replay

import (
	"slices"
	"time"

	"knockc/compiler"
	"knockc/lang/trace"
	"knockc/sim"
)

// Depends is what became of a packet or expectation if that depends on where in a
// tick of the kernel's clock the trace began, or on when the kernel collects what has
// ended in a set that was full.
const Depends = "depends on the tick"

// Phases replays events with a clock that ticks, for each phase that it could have at
// the beginning. It is silent about all but the first, once they have been tried, and
// says where they differ.
type Phases struct {
	result *compiler.Result
	hz     int
	events []trace.Event
	first  *Player
	asked  *Asked // nil: nothing is explained
	cover  *Cover // nil: nobody asks for it

	machines []*sim.Machine // to be used again

	tried    bool
	outcomes int          // so far
	notes    map[int]note // of outcomes that depend on the tick, by number
	stood    *stood       // where sources stand at the end
	count    triedPhases
}

// note is what of an outcome depends on the tick.
type note struct {
	got   bool
	why   string
	moves []string // the knocks that were moved in different ways
}

// NewPhases makes a player of some events for a clock of hz ticks a second.
func NewPhases(r *compiler.Result, hz int, events []trace.Event) (*Phases, error) {
	first, err := NewTicking(r, sim.Clock{HZ: hz})
	return &Phases{result: r, hz: hz, events: events, first: first}, err
}

// Explain is [Player.Explain] for all phases. Like Cover it must come before the first
// event.
func (p *Phases) Explain(asked Asked) {
	p.asked = &asked
	p.first.Explain(asked)
}

// Cover notes in a cover what packets met in all phases.
func (p *Phases) Cover(c *Cover) { p.cover = c }

// Event plays one event like [Player.Event]. What is not the same in all phases is
// [Depends].
func (p *Phases) Event(e *trace.Event, see func(Outcome)) { p.EventUntil(e, sim.Never, see) }

// EventUntil plays what of an event comes no later than at the end, which must be the
// same for all events.
func (p *Phases) EventUntil(e *trace.Event, end time.Duration, see func(Outcome)) {
	if !p.tried {
		p.tried = true
		p.try(end)
	}
	p.first.EventUntil(e, end, func(o Outcome) {
		n, depends := p.notes[p.outcomes]
		p.outcomes++
		if depends {
			o = n.on(o)
		}
		see(o)
	})
}

// on is an outcome with what of it depends on the tick.
func (n note) on(o Outcome) Outcome {
	if n.got {
		o.Got, o.Why = Depends, ""
		if o.Want != "" {
			o.Why = n.why
		}
	}
	if len(n.moves) == 0 {
		return o
	}
	o.Moves = slices.DeleteFunc(slices.Clone(o.Moves), func(m Move) bool { return slices.Contains(n.moves, m.Knock) })
	for _, knock := range n.moves {
		o.Moves = append(o.Moves, Move{Knock: knock, Kind: Uncertain})
	}
	return o
}

// Tried tells how many phases were tried, and how many there are that differ. If these
// are more, what is said to be certain may still depend on the tick.
func (p *Phases) Tried() (tried, of int) { return p.count.tried, p.count.of }

// Standings are where sources stand at the end, which is the time given: as far as
// they do in all phases.
func (p *Phases) Standings(time.Duration) []Standing {
	if p.stood == nil {
		return nil // no event came before the end
	}
	return p.first.sorted(p.stood.together())
}
