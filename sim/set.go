package sim

import (
	"cmp"
	"math"
	"net/netip"
	"time"

	"example.org/knockc/compiler"
)

// set is a set of elements with timeouts. Ended elements hold their place until
// the next collection; they are only taken out when the set is full or the table
// grows, since nobody can see the difference before.
type set struct {
	name     string
	v6       bool
	codes    bool // elements are codes, without a source
	size     int
	every    time.Duration        // between two collections
	elements table[time.Duration] // when each ends
	soonest  time.Duration        // no element ends before this
	ghosts   []time.Duration      // when elements were made again whose places were not freed

	tick      time.Duration // an element may end earlier by less than this; 0 if the clock is known
	doubts    table[life]   // of elements of which less is known
	fullUntil time.Duration // until then there is certainly no room
	uncounted int           // how often that may have changed, or was asked, since it was found out
}

func newSet(s *compiler.Set, c Clock) *set {
	return &set{
		name: s.Name, v6: s.Family == compiler.IPv6, codes: s.Codes, size: s.Size, every: cmp.Or(s.Collect, compiler.DefaultCollect),
		soonest: math.MaxInt64, tick: c.unknown(),
	}
}

func (s *set) has(k key, now time.Duration) bool {
	at := s.elements.find(k)
	return at != nil && now < *at
}

// update makes or renews an element, to end at a time, or with now as that time for
// ever; false if it would have to be made and the set is full. What had ended before a
// collection has had its place freed. A living element keeps its kind: one that never
// ends goes on to do so, and another, which should live forever, ends now (nft_dynset_eval).
func (s *set) update(k key, now, expires, collected time.Duration) (ends time.Duration, ok bool) {
	at := s.elements.find(k)
	if at != nil && now < *at {
		if *at != Never {
			*at = expires
			s.soonest = min(s.soonest, *at)
		}
		return *at, true
	}
	if expires == now {
		expires = Never
	}
	if !s.hasRoom(0, collected) {
		return expires, false
	}
	s.place(k, expires, 1, now, collected)
	return expires, true
}

// place makes an element that does not live, or not any more, as often as given, or gives
// it another end if that is 0.
func (s *set) place(k key, expires time.Duration, made int, now, collected time.Duration) {
	s.soonest = min(s.soonest, expires)
	at := s.elements.find(k)
	if at == nil || *at < collected {
		made-- // nothing is in its place
	}
	if at == nil {
		s.elements.insert(k, expires, func(at *time.Duration) bool { return *at < collected })
	} else {
		*at = expires
	}
	for range made {
		s.ghosts = append(s.ghosts, now)
	}
}

// delete ends an element; false if it does not live. Its place stays taken until
// the next collection.
func (s *set) delete(k key, now time.Duration) bool {
	at := s.elements.find(k)
	if at == nil || now >= *at {
		return false
	}
	*at = now
	s.soonest = min(s.soonest, now)
	return true
}

// hasRoom reports whether there is a place for another element, beside some that are
// about to be made, given when the last collection was.
func (s *set) hasRoom(beside int, collected time.Duration) bool {
	for len(s.ghosts) > 0 && s.ghosts[0] < collected {
		s.ghosts = s.ghosts[1:]
	}
	taken := len(s.ghosts) + beside
	if s.elements.used+taken >= s.size {
		s.collect(collected)
	}
	return s.elements.used+taken < s.size
}

// collect takes out the elements that had ended when the last collection was.
func (s *set) collect(collected time.Duration) {
	if s.soonest >= collected {
		return
	}
	s.elements.sweep(func(at *time.Duration) bool { return *at < collected })
	s.soonest = math.MaxInt64
	for _, at := range s.elements.all {
		s.soonest = min(s.soonest, *at)
	}
}

// mask is what of an address is in a key.
type mask struct{ hi, lo uint64 }

func newMask(k compiler.Key) mask {
	most := func(bits int) uint64 { return ^uint64(0) << (64 - min(max(bits, 0), 64)) }
	if k.Family == compiler.IPv4 {
		return mask{0, most(32 + k.Bits)}
	}
	return mask{most(k.Bits), most(k.Bits - 64)}
}

func (m *mask) key(hi, lo uint64, state uint32) key { return key{hi & m.hi, lo & m.lo, uint64(state)} }

func keyOf(k compiler.Key, src netip.Addr) key {
	m := newMask(k)
	hi, lo := words(src)
	return m.key(hi, lo, k.State)
}
