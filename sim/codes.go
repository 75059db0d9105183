package sim

import (
	"encoding/binary"
	"time"

	"example.org/knockc/codes"
)

// AddCode puts a one-time code into a set, to end at a time unless a packet spends it. The
// code must not be in the set. A set that the ruleset does not have takes none.
func (m *Machine) AddCode(set string, code codes.Code, until time.Duration) {
	if s := m.sets[set]; s != nil {
		until = m.clock.begin(until) // timeouts are whole ticks, from the one on in which they begin
		s.soonest = min(s.soonest, until)
		s.elements.insert(codeKey(code), until, func(at *time.Duration) bool { return *at <= m.run.now })
	}
}

// codeKey is the key of a code.
func codeKey(c codes.Code) key {
	return key{hi: binary.BigEndian.Uint64(c[:]), lo: binary.BigEndian.Uint64(c[8:])}
}

// code is the code that the key is of.
func (k key) code() (c codes.Code) {
	binary.BigEndian.PutUint64(c[:], k.hi)
	binary.BigEndian.PutUint64(c[8:], k.lo)
	return c
}

// spend ends the code of the packet in the set of an op; false if it does not live.
func (r *run) spend(o *op) bool {
	s, k := r.program.spends[o.target], codeKey(r.packet.Code)
	switch w := r.ways; {
	case r.packet.Code == codes.Code{}:
		return false
	case w != nil && !w.has(s, k), w == nil && !s.delete(k, r.now):
		return false
	case w != nil:
		w.put(decided{s, k, life{until: r.now}, 0, true})
	}
	r.change(s, k, r.now)
	return true
}
