package lang

import (
	"cmp"
	"iter"
	"slices"
)

// machine is a knock and one source that makes attempts at it: what the language
// says of within, total, reset and close. It is a model of its own since it answers a
// question of its own: which attempts open the door, and how far apart in packets, so
// that a rate can be told. The simulator does not know knocks, and the model in package
// spec must not share code with what it judges. It knows no one-time codes: nobody makes
// an attempt at such a step by chance, so knocks that have one are left out before.
type machine struct {
	k       *Knock
	rate    int       // packets a second; 0: all at once
	open    []Service // merged; attempts at these are never wrong
	opening sequence
	closing sequence
}

// sequence is how far the source has got with the opening or closing steps.
type sequence struct {
	steps    []Step
	at       []int      // the indices of the steps by bareStep, of each the last one first
	done     []progress // of each step
	furthest int        // no later step is done; -1: none is
	first    int        // the latest attempt at the first step, or -1
}

// progress is the latest attempt that did a step, and what led there.
type progress struct {
	at   int // the packet, or -1
	path *path
}

// path is the attempts of a sequence, the latest first.
type path struct {
	attempt int
	before  *path
}

func newMachine(k *Knock, rate int, open []Service) *machine {
	return &machine{k, rate, open, newSequence(k.Steps), newSequence(k.Close)}
}

func newSequence(steps []Step) sequence {
	s := sequence{steps: steps, at: make([]int, len(steps)), done: make([]progress, len(steps)), furthest: len(steps) - 1, first: -1}
	for i := range steps {
		s.at[i] = i
	}
	slices.SortFunc(s.at, func(a, b int) int { return cmp.Or(cmp.Compare(bare(steps[a]), bare(steps[b])), b-a) })
	s.reset()
	return s
}

func (s *sequence) reset() {
	for i := range s.done[:s.furthest+1] {
		s.done[i] = progress{at: -1}
	}
	s.furthest = -1
}

// matching are the steps that an attempt is at, the last one first.
func (s *sequence) matching(attempt Step) iter.Seq[int] {
	return func(yield func(int) bool) {
		wanted := bare(attempt)
		first, _ := slices.BinarySearchFunc(s.at, wanted, func(i int, b bareStep) int { return cmp.Compare(bare(s.steps[i]), b) })
		for _, i := range s.at[first:] {
			if bare(s.steps[i]) != wanted || matches(s.steps[i], attempt) && !yield(i) {
				return
			}
		}
	}
}

// has reports whether an attempt is at a step of the sequence.
func (s *sequence) has(attempt Step) bool {
	for range s.matching(attempt) {
		return true
	}
	return false
}

// attempt makes packet number at an attempt and returns the path that opens the
// door, or nil. elsewhere says that the packet is at no step of the knock; it is
// then wrong for both sequences.
func (m *machine) attempt(at int, packet Step, elsewhere bool) *path {
	if m.k.Reset.Mode != ResetNone && (elsewhere || lastAt(m.open, packet.Proto, int(packet.Port)) == 0) {
		wrongOpening := elsewhere || m.wrong(&m.opening, &m.closing, at, packet)
		wrongClosing := elsewhere || m.wrong(&m.closing, &m.opening, at, packet)
		if wrongOpening {
			m.opening.reset()
		}
		if wrongClosing {
			m.closing.reset()
		}
	}
	if elsewhere {
		return nil
	}
	closed := m.move(&m.closing, at, packet)
	if closed != nil {
		m.opening.reset()
	}
	opened := m.move(&m.opening, at, packet)
	if closed != nil {
		return nil
	}
	return opened
}

// wrong reports whether an attempt at a step of the knock is out of order for a
// sequence.
func (m *machine) wrong(s, other *sequence, at int, packet Step) bool {
	if other.has(packet) {
		return false
	}
	first := len(s.steps) // of the steps that the packet is at
	for i := range s.matching(packet) {
		first = i
	}
	furthest := s.furthest
	for furthest >= 0 && !m.live(s, furthest, at) {
		furthest--
	}
	return first > furthest+1
}

// move moves each thread of a sequence by one step and returns the path of the
// one that comes to its end, or nil.
func (m *machine) move(s *sequence, at int, packet Step) *path {
	var whole *path
	for i := range s.matching(packet) {
		var before *path
		if i > 0 {
			if !m.live(s, i-1, at) || m.k.Total != 0 && !m.inTime(at-s.first, int64(m.k.Total)) {
				continue
			}
			before = s.done[i-1].path
		}
		p := &path{at, before}
		if i == len(s.steps)-1 {
			whole = p
		} else {
			s.done[i] = progress{at, p}
			s.furthest = max(s.furthest, i)
		}
	}
	if len(s.steps) > 0 && matches(s.steps[0], packet) {
		s.first = at
	}
	return whole
}

func (m *machine) live(s *sequence, i, at int) bool {
	return s.done[i].at >= 0 && m.inTime(at-s.done[i].at, int64(m.k.Within))
}

// inTime reports whether a number of packets takes less than some nanoseconds.
func (m *machine) inTime(packets int, limit int64) bool {
	return m.rate == 0 || int64(packets)*1e9/int64(m.rate) < limit
}

// matches reports whether an attempt is at a step.
func matches(s, attempt Step) bool {
	return s.Proto == attempt.Proto && s.Port == attempt.Port && (s.Proto != Ping || s.Length == AnyLength || s.Length == attempt.Length)
}
