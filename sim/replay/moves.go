package replay

import (
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/sim"
)

// Move is what a packet did to a knock. If it did several things of one kind, there is
// one Move, with the highest step.
type Move struct {
	Knock    string
	Kind     MoveKind
	Step, Of int           // of Stepped and SteppedClose
	Until    time.Duration // the end of the grant, or the deadline of the next step; the latest that it can be; [sim.Never] if the door stays open
}

// MoveKind is what a packet can do to a knock.
type MoveKind int

const (
	Closed       MoveKind = iota // the grant ended early
	Reset                        // progress was lost, and there was no grant to lose
	SteppedClose                 // a step of the `close` sequence was done
	Stepped                      // a step was done
	Opened                       // the door opened, or its grant was renewed
	Uncertain                    // it depends on the tick what the packet did
)

// Moves translates changes of elements into moves of knocks. They are valid until the
// next call.
func (p *Player) Moves(changes []sim.Change) []Move {
	moves := p.moves[:0]
	for _, c := range changes {
		s, ok := p.symbols.Meaning(c.Set, c.State)
		if !ok || s.Role != compiler.Grant && s.Step == 0 {
			continue
		}
		m := Move{Knock: s.Knock, Step: s.Step, Of: s.Of}
		switch {
		case c.Unsure:
			m.Kind, m.Step, m.Of = Uncertain, 0, 0
		case c.Ended && s.Role == compiler.Grant:
			m.Kind = Closed
		case c.Ended:
			m.Kind, m.Step, m.Of = Reset, 0, 0
		case s.Role == compiler.Grant:
			m.Kind, m.Until = Opened, c.Expires
		case s.Role == compiler.Closing:
			m.Kind, m.Until = SteppedClose, c.Expires
		default:
			m.Kind, m.Until = Stepped, c.Expires
		}
		moves = merge(moves, m)
	}
	p.moves = moves
	return moves
}

// merge adds a move, if it says more than those that are there.
func merge(moves []Move, m Move) []Move {
	for i, o := range moves {
		switch {
		case o.Knock != m.Knock:
		case o.Kind == Uncertain:
			return moves
		case m.Kind == Uncertain:
			return append(slices.DeleteFunc(moves, func(o Move) bool { return o.Knock == m.Knock }), m)
		case o.Kind == m.Kind:
			if m.Step > o.Step {
				moves[i] = m
			}
			return moves
		case o.Kind == Closed && m.Kind == Reset, o.Kind == Opened && m.Kind == Stepped:
			return moves
		case o.Kind == Reset && m.Kind == Closed, o.Kind == Stepped && m.Kind == Opened:
			moves[i] = m
			return moves
		}
	}
	return append(moves, m)
}
