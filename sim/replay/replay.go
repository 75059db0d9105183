// Package replay runs a trace through a compiled policy and says, in the
// policy's words, what every packet did.
//
// The simulator moves elements of sets; the compiler's symbol table says what
// they stand for. Here the two meet.
package replay

import (
	"net/netip"
	"time"

	"knockc/compiler"
	"knockc/lang/trace"
	"knockc/sim"
)

// Player replays events, one after the other.
type Player struct {
	machine *sim.Machine
	symbols *compiler.Symbols
}

// New makes a player for a compiled policy, from which nobody has knocked yet.
func New(r *compiler.Result) (*Player, error) {
	m, err := sim.New(r.Ruleset)
	return &Player{m, r.Symbols}, err
}

// Outcome is what came of an event.
type Outcome struct {
	Event *trace.Event
	Got   string // a packet's verdict or an expectation's state
	Want  string // what the trace wants; "" if it does not say
	Moves []Move // what a packet moved
}

// OK reports whether the outcome is what the trace wants, if it says.
func (o Outcome) OK() bool { return o.Want == "" || o.Want == o.Got }

// Move is what a packet did to a knock: its source reached a step, the highest
// one if several, or with the last the door opened.
type Move struct {
	Knock     string
	Step, Of  int
	OpenUntil time.Duration // if Step == Of
}

// Opened reports whether the move opened the door.
func (m Move) Opened() bool { return m.Step == m.Of }

// Event plays one event.
func (p *Player) Event(e *trace.Event) Outcome {
	if e.Expect != nil {
		return p.expect(e)
	}
	k := e.Packet
	verdict, changes := p.machine.Packet(&sim.Packet{
		Time: e.At, Iface: trace.DefaultIface, Src: k.Src, SrcPort: k.SrcPort, Proto: k.Proto, DstPort: k.DstPort, Flags: k.Flags,
	})
	return Outcome{e, compiler.Verdict{Kind: verdict}.String(), string(k.Want), p.moves(changes)}
}

func (p *Player) expect(e *trace.Event) Outcome {
	got := trace.Closed
	if _, open := p.OpenUntil(e.Expect.Knock, e.Expect.Src, e.At); open {
		got = trace.Open
	}
	return Outcome{e, string(got), string(e.Expect.State), nil}
}

// OpenUntil tells when the door of a knock closes for a source; false if it
// does not stand open at the given time.
func (p *Player) OpenUntil(knock string, src netip.Addr, at time.Duration) (time.Duration, bool) {
	place, ok := p.symbols.Grant(knock)
	if !ok {
		return 0, false
	}
	f := compiler.IPv6
	if src.Is4() {
		f = compiler.IPv4
	}
	return p.machine.Expiry(place.Kind.SetName(f), src, place.Number, at)
}

// moves puts changes of elements into the policy's words, one move a knock.
func (p *Player) moves(changes []sim.Change) []Move {
	var moves []Move
	for _, c := range changes {
		s, ok := p.symbols.Meaning(c.Set, c.State)
		if !ok {
			continue
		}
		m := Move{Knock: s.Knock, Step: s.Step, Of: s.Of}
		if m.Opened() {
			m.OpenUntil = c.Expires
		}
		moves = merge(moves, m)
	}
	return moves
}

// merge keeps the highest step of each knock.
func merge(moves []Move, m Move) []Move {
	for i := range moves {
		if moves[i].Knock != m.Knock {
			continue
		}
		if m.Step > moves[i].Step {
			moves[i] = m
		}
		return moves
	}
	return append(moves, m)
}
