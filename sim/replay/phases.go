package replay

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"knockc/compiler"
	"knockc/lang/trace"
	"knockc/sim"
)

// Depends is what became of a packet or expectation if that depends on where in a
// tick of the kernel's clock the trace began.
const Depends = "depends on the tick"

// Phases replays events with a clock that ticks, for each phase that it could have at
// the beginning.
type Phases struct {
	tick    time.Duration
	players []*Player
	seen    []Outcome           // of the last packet or expectation, by player
	causes  map[trailKey]parted // what parted the players last; nil: nothing is explained
	flows   map[flow]parted     // what parted them when a flow was let in, or was not
}

// mostPhases is how many phases are tried. A trace whose packets come at more
// different places in a tick is tried at as many, evenly spread.
const mostPhases = 64

// NewPhases makes a player of some events for a clock of hz ticks a second.
func NewPhases(r *compiler.Result, hz int, events []trace.Event) (*Phases, error) {
	p := &Phases{tick: time.Second / time.Duration(hz)}
	for _, phase := range phases(p.tick, events) {
		player, err := NewTicking(r, hz, phase)
		if err != nil {
			return nil, err
		}
		p.players = append(p.players, player)
	}
	p.seen = make([]Outcome, len(p.players))
	return p, nil
}

// phases are all that differ: between two of them, the same packets share a tick. One
// packet changes to the next tick where the phase is what its own tick has left.
func phases(tick time.Duration, events []trace.Event) []time.Duration {
	differ := map[time.Duration]bool{0: true}
	for at := range times(events) {
		differ[(tick-at%tick)%tick] = true
		if len(differ) > mostPhases {
			return evenPhases(tick)
		}
	}
	var all []time.Duration
	for phase := range differ {
		all = append(all, phase)
	}
	slices.Sort(all)
	return all
}

// times are those of all packets and expectations.
func times(events []trace.Event) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for i := range events {
			for at := range instants(&events[i]) {
				if !yield(at) {
					return
				}
			}
		}
	}
}

func evenPhases(tick time.Duration) []time.Duration {
	var all []time.Duration
	for i := range time.Duration(mostPhases) {
		all = append(all, tick*i/mostPhases)
	}
	return all
}

// First is the player of the first phase, to be watched for all.
func (p *Phases) First() *Player { return p.players[0] }

// Event plays one event like [Player.Event]. What is not the same in all phases is
// [Depends], and the moves are then those of one of them.
func (p *Phases) Event(e *trace.Event, see func(Outcome)) { p.EventUntil(e, sim.Never, see) }

// EventUntil plays what of an event comes no later than at the end.
func (p *Phases) EventUntil(e *trace.Event, end time.Duration, see func(Outcome)) {
	for at, port := range instants(e) {
		if at > end {
			return
		}
		for i, player := range p.players {
			p.seen[i] = player.play(e, at, port)
		}
		see(p.together())
	}
}

// together is what the players have seen, as one.
func (p *Phases) together() Outcome {
	o := p.seen[0]
	explain := p.causes != nil && p.players[0].recorder.asked.has(sourceOf(o.Event))
	if explain && o.Event.Packet != nil {
		p.part(o.Event.Packet.Src)
	}
	other := slices.IndexFunc(p.seen, func(other Outcome) bool { return other.Got != o.Got })
	if other < 0 {
		return o
	}
	o.Got, o.Why = Depends, ""
	if explain {
		why := p.whyDepends(o, other) // which notes what it finds out about a flow
		if o.Want != "" {
			o.Why = why
		}
	}
	return o
}

func sourceOf(e *trace.Event) netip.Addr {
	if e.Expect != nil {
		return e.Expect.Src
	}
	return e.Packet.Src
}
