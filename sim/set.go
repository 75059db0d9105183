package sim

import (
	"cmp"
	"math"
	"net/netip"
	"time"

	"knockc/compiler"
)

// set is a set of elements with timeouts. Ended elements hold their place until
// the next collection; they are only taken out when the set is full or the table
// grows, since nobody can see the difference before.
type set struct {
	name     string
	v6       bool
	size     int
	every    time.Duration        // between two collections
	elements table[time.Duration] // when each ends
	soonest  time.Duration        // no element ends before this

	ghosts      int           // places of elements that were ended or had ended, and were made again
	ghostPeriod time.Duration // the collection period that the ghosts are of
	late        bool          // collections are, so the places are held for another period
	lateGhosts  int           // those of the period before
}

func newSet(s *compiler.Set, c Clock) *set {
	return &set{late: c.Collect == Late, name: s.Name, v6: s.Family == compiler.IPv6, size: s.Size, every: cmp.Or(s.Collect, compiler.DefaultCollect), soonest: math.MaxInt64}
}

// expiry tells when the element ends; false if it does not live at now.
func (s *set) expiry(k key, now time.Duration) (time.Duration, bool) {
	at := s.elements.find(k)
	if at == nil || now >= *at {
		return 0, false
	}
	return *at, true
}

func (s *set) has(k key, now time.Duration) bool {
	at := s.elements.find(k)
	return at != nil && now < *at
}

// update makes or renews an element, to end at a time, or with now as that time for
// ever; false if it would have to be made and the set is full. What had ended before a
// collection has had its place freed. A living element keeps its kind: one that never
// ends goes on to do so, and another, which is to live for ever, ends now (nft_dynset_eval).
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
	return expires, s.make(k, at, collected, expires)
}

// make makes an element that does not live, or not any more, at the place given;
// false if the set is full.
func (s *set) make(k key, at *time.Duration, collected, expires time.Duration) bool {
	if s.crowded(collected) {
		s.collect(collected)
		if s.crowded(collected) {
			return false
		}
		at = s.elements.find(k) // it may have moved
	}
	s.soonest = min(s.soonest, expires)
	if at != nil {
		if *at >= collected {
			s.ghosts++
		}
		*at = expires
		return true
	}
	s.elements.insert(k, expires, func(at *time.Duration) bool { return *at < collected })
	return true
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

// crowded reports whether all places are taken, by what is in the table, given when
// the last collection was.
func (s *set) crowded(collected time.Duration) bool {
	if s.ghostPeriod != collected {
		s.lateGhosts = 0
		if s.late && collected == s.ghostPeriod+s.every {
			s.lateGhosts = s.ghosts
		}
		s.ghosts, s.ghostPeriod = 0, collected
	}
	return s.elements.used+s.ghosts+s.lateGhosts >= s.size
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

// keyer makes the keys of a source in a set.
type keyer struct{ hi, lo, id uint64 } // masks of the address, and the state

func newKeyer(k compiler.Key) keyer {
	masks := func(bits int) uint64 { return ^uint64(0) << (64 - min(max(bits, 0), 64)) }
	if k.Family == compiler.IPv4 {
		return keyer{0, masks(32 + k.Bits), uint64(k.State)}
	}
	return keyer{masks(k.Bits), masks(k.Bits - 64), uint64(k.State)}
}

func (y *keyer) key(hi, lo uint64) key { return key{hi & y.hi, lo & y.lo, y.id} }

func keyOf(k compiler.Key, src netip.Addr) key {
	y := newKeyer(k)
	hi, lo := words(src)
	return y.key(hi, lo)
}
