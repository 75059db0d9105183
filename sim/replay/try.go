package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"knockc/lang/trace"
	"knockc/sim"
)

// batchSize is how many phases are played at once, which bounds the memory.
const batchSize = 64

// abreast plays some phases side by side: the first of all, and others.
type abreast struct {
	hz      int
	phases  []phase
	players []*Player
	seen    []Outcome           // of the last packet or expectation, by player
	causes  map[trailKey]parted // what parted the players last; nil: nothing is explained
	flows   map[flow]parted     // what parted them when a flow was let in, or was not
}

// try plays all phases up to the end, and notes where they differ. As long as no set is
// full, what other sources do does not matter. Once one was it does, and so does when
// the kernel collects.
func (p *Phases) try(end time.Duration) {
	t := p.attempt(end)
	apart := placesApart(p.result.Policy, p.hz, p.events, end)
	if t.phases(apart.choose(), ""); t.full {
		t = p.attempt(end)
		together := apart.allTogether()
		byTick := together.choose()
		t.phases(byTick, "")
		collected := together.collections(p.result.Ruleset)
		t.phases(collected, fmt.Sprintf(whyCollected, p.result.Policy.Settings.Size))
	}
	if p.cover != nil {
		p.cover.join(t.met)
	}
	p.notes, p.stood, p.count, p.machines = t.notes, t.stood, t.count, nil
}

const whyCollected = "a set was full (size %d): whether it had room depends on when the kernel frees what has ended, so raise `size`"

// attempt is what comes of trying phases.
type attempt struct {
	*Phases
	end   time.Duration
	notes map[int]note
	met   *Cover // in all phases
	stood *stood
	count triedPhases
	full  bool // a set was, in one of them
}

func (p *Phases) attempt(end time.Duration) *attempt {
	return &attempt{Phases: p, end: end, notes: map[int]note{}, stood: &stood{by: map[stoodKey]*stoodAt{}}}
}

// phases tries phases in batches. What differs has the reason given; "" if it is the one
// that the batches find. If sources are apart, it ends when a set was full.
func (t *attempt) phases(c choice, why string) {
	t.count.tried += c.tried.tried
	t.count.of += c.tried.of
	for others := range slices.Chunk(c.phases, batchSize-1) {
		b := t.abreast(others, c.at)
		b.play(t, c.at, why)
		t.ended(b)
		if t.full && !c.at.together {
			return
		}
	}
}

// abreast makes players of phases. If sources are apart, it is to be found out if a set
// can be full.
func (p *Phases) abreast(others []phase, at *places) *abreast {
	b := &abreast{hz: p.hz, phases: append([]phase{{}}, others...)}
	for _, f := range b.phases {
		clock := sim.Clock{HZ: p.hz, Collect: f.collect}
		if !at.together {
			clock.Collect = sim.Late
		}
		player := p.fresh(len(b.players), clock)
		b.players = append(b.players, player)
		if p.cover != nil {
			player.cover = p.cover.empty()
			player.cover.Watch(player)
		}
	}
	b.seen = make([]Outcome, len(b.players))
	if p.asked != nil {
		b.explain(*p.asked)
	}
	return b
}

// fresh is a new player, on a machine that has played before if there is one.
func (p *Phases) fresh(i int, c sim.Clock) *Player {
	if i == len(p.machines) {
		m, _ := sim.NewTicking(p.result.Ruleset, c) // there was no error with the first of all
		p.machines = append(p.machines, m)
	} else {
		p.machines[i].Restart(c)
	}
	return &Player{machine: p.machines[i], symbols: p.result.Symbols, policy: p.result.Policy, clock: c}
}

// play plays the events up to the end, and notes where the phases differ.
func (b *abreast) play(t *attempt, places *places, why string) {
	number := 0
	for i := range t.events {
		e := &t.events[i]
		of := places.of(sourceOf(e))
		for at, port := range instants(e) {
			if at > t.end {
				break
			}
			for i, player := range b.players {
				player.machine.Shift(of[b.phases[i].number%len(of)])
				b.seen[i] = player.play(e, at, port)
			}
			if n := b.differ(); n.got || len(n.moves) > 0 {
				if why != "" {
					n.why = why
				}
				t.note(number, n)
			}
			number++
		}
	}
}

// note adds to what was noted of an outcome. The first reason stands.
func (t *attempt) note(number int, n note) {
	o := t.notes[number]
	if !o.got {
		o.got, o.why = n.got, n.why
	}
	o.moves = slices.Compact(slices.Sorted(slices.Values(append(o.moves, n.moves...))))
	t.notes[number] = o
}

// ended takes note of what a batch has met, and of where sources stand after it.
func (t *attempt) ended(b *abreast) {
	for _, player := range b.players {
		t.full = t.full || player.machine.WasFull()
		if t.end != sim.Never {
			t.stood.add(player.Standings(t.end))
		}
		if t.cover == nil {
			continue
		}
		player.cover.Ran(player)
		if t.met == nil {
			t.met = player.cover
		}
		t.met.intersect(player.cover)
	}
}

// differ is what the players have not seen alike.
func (b *abreast) differ() note {
	o := b.seen[0]
	explain := b.causes != nil && b.players[0].recorder.asked.has(sourceOf(o.Event))
	if explain && o.Event.Packet != nil {
		b.part(o.Event.Packet.Src)
	}
	var n note
	for i, other := range b.seen {
		if other.Got != o.Got && !n.got {
			n.got = true
			if explain {
				n.why = b.whyDepends(o, i) // which notes what it finds out about a flow
			}
		}
		for _, knock := range differing(o.Moves, other.Moves) {
			if !slices.Contains(n.moves, knock) {
				n.moves = append(n.moves, knock)
			}
		}
	}
	return n
}

func sourceOf(e *trace.Event) netip.Addr {
	if e.Expect != nil {
		return e.Expect.Src
	}
	return e.Packet.Src
}
