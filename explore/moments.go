package explore

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"example.org/knockc/lang"
)

// life is something that some host remembers, by number, and for how much longer.
type life struct {
	what int
	left time.Duration
}

// moment is all that hosts remember at some time, in the order in which it ends.
type moment []life

// moments tells moments apart.
type moments struct {
	numbers   map[any]int
	durations []time.Duration // of the policy, in order
	skipped   bool            // a moment between two, which were too near to each other
}

// what is remembered by one of the hosts.
type what struct {
	host int
	any
}

// at is the present moment of hosts.
func (m *moments) at(hosts []Host, now time.Duration) moment {
	var all moment
	for i, h := range hosts {
		h.Lives(now, func(of any, left time.Duration) {
			key := what{i, of}
			n, known := m.numbers[key]
			if !known {
				n = len(m.numbers)
				m.numbers[key] = n
			}
			all = append(all, life{n, left})
		})
	}
	all.sort()
	return all
}

// key is the same for moments that are taken as one: in them the same is remembered, what is
// left of each is on the same side of each of the policy's durations, and they come to the
// next ones, or end, in the same order.
func (m *moments) key(now moment) string {
	b := make([]byte, 0, 6*len(now))
	crossing := make(moment, len(now))
	for i, l := range now {
		b = binary.AppendUvarint(b, uint64(2*l.what+now.tied(i)))
		b = binary.AppendUvarint(b, m.side(l.left))
		crossing[i] = life{l.what, m.until(l.left)}
	}
	crossing.sort()
	for i, l := range crossing {
		b = binary.AppendUvarint(b, uint64(2*l.what+crossing.tied(i)))
	}
	return string(b)
}

// tied is 1 if something ends together with what is before it.
func (m moment) tied(i int) int {
	if i > 0 && m[i].left == m[i-1].left {
		return 1
	}
	return 0
}

func (m moment) sort() {
	slices.SortFunc(m, func(a, b life) int {
		return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.what, b.what))
	})
}

// until is how much has to pass of a time before it comes to the next lower duration, or ends.
func (m *moments) until(left time.Duration) time.Duration {
	i, _ := slices.BinarySearch(m.durations, left)
	if i == 0 || left == lang.Forever {
		return left
	}
	return left - m.durations[i-1]
}

// side is where a time is among the durations: odd at one of them, even between two.
func (m *moments) side(left time.Duration) uint64 {
	i, at := slices.BinarySearch(m.durations, left)
	if at {
		return uint64(2*i + 1)
	}
	return uint64(2 * i)
}

// next is how much time has to pass until another moment, which is not taken as the same; 0
// if time changes nothing any more. Between two times at which something changes, it
// stops once, in the middle.
func (m *moments) next(now moment) time.Duration {
	first, between := lang.Forever, true
	for _, l := range now {
		if l.left == lang.Forever {
			continue
		}
		_, at := slices.BinarySearch(m.durations, l.left)
		between = between && !at
		first = min(first, m.until(l.left))
	}
	switch {
	case first == lang.Forever:
		return 0
	case between:
		return first
	}
	for _, unit := range []time.Duration{time.Millisecond, time.Microsecond, 1} { // to be read in a trace
		if first >= 2*unit {
			return (first / 2).Truncate(unit)
		}
	}
	m.skipped = true
	return first
}
