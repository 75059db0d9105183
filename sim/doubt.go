package sim

import "time"

// Doubt is why a result depends on the tick: on where in a tick the clock was when the
// packets came, or on when a set was collected.
type Doubt struct {
	Kind   DoubtKind
	Packet Packet // the first that it mattered for; the zero Packet if it is none

	// The element of [OfElement]:
	Set     string
	State   uint32
	Expires time.Duration // the latest that it can be
}

// DoubtKind is what is unknown.
type DoubtKind int

const (
	OfElement DoubtKind = iota // whether the deadline of an element has passed, less than a tick before it
	OfFlow                     // the same of a flow
	OfRoom                     // whether a set has room
	OfAll                      // anything at all, since there was a packet with too many doubts
)

// life is when an element ends: before sure it lives, and from until on it does not.
type life struct {
	sure, until time.Duration
	doubt       *Doubt // about when in between; nil: that is the tick before until
}

// or is the life of an element that has one of two; which one is in doubt.
func (l life) or(o life, doubt *Doubt) life {
	if l == o {
		return l
	}
	return life{min(l.sure, o.sure), max(l.until, o.until), doubt}
}

// lasting is the life of an element that ends at a time, at the latest.
func (s *set) lasting(until time.Duration) life {
	if until == Never {
		return life{Never, Never, nil}
	}
	return life{until - s.tick + 1, until, nil}
}

// life is that of the element with a key.
func (s *set) life(k key) life {
	if l := s.doubts.find(k); l != nil && l.doubt != nil {
		return *l
	}
	if at := s.elements.find(k); at != nil {
		return s.lasting(*at)
	}
	return life{}
}

// doubt is the one about whether an element lives, which matters for a packet; nil if
// there is none.
func (s *set) doubt(k key, l life, now time.Duration, p *Packet) *Doubt {
	switch {
	case now < l.sure, l.until <= now:
		return nil
	case l.doubt != nil:
		return l.doubt
	}
	return &Doubt{OfElement, *p, s.name, uint32(k.id), l.until}
}

// full reports whether there is certainly no room, since as many elements live as there
// are places. To count them all now and then is enough.
func (s *set) full(now time.Duration) bool {
	s.uncounted++
	if now < s.fullUntil || 64*s.uncounted < s.elements.used {
		return now < s.fullUntil
	}
	live, until := 0, Never
	for k := range s.elements.all {
		if l := s.life(k); now < l.sure {
			live, until = live+1, min(until, l.sure)
		}
	}
	if s.uncounted = 0; live >= s.size {
		s.fullUntil = until
	}
	return now < s.fullUntil
}

// settle gives an element another life, after it was made as often as given.
func (s *set) settle(k key, l life, made int, now, collected time.Duration) {
	s.place(k, l.until, made, now, collected)
	s.uncounted++
	s.fullUntil = min(s.fullUntil, l.sure)
	if known := s.doubts.find(k); known != nil {
		*known = l
	} else if l.doubt != nil {
		s.doubts.insert(k, l, func(l *life) bool { return l.doubt == nil || l.until <= now })
	}
}
