package sim

import (
	"math"
	"net/netip"
	"time"
)

// collectEvery is the kernel's default gc-interval.
const collectEvery = time.Second

type elementKey struct {
	src   netip.Addr
	state uint32
}

// set is a set of elements with timeouts. Ended elements hold their place until
// the next collection; they are only taken out when the set is full, since nobody
// can see the difference before.
type set struct {
	name    string
	size    int
	expires map[elementKey]time.Duration
	soonest time.Duration // no element ends before this

	ghosts      int           // places of elements that were deleted, or ended and were made anew
	ghostPeriod time.Duration // the collection period that the ghosts are of
}

func newSet(name string, size int) *set {
	return &set{name: name, size: size, expires: map[elementKey]time.Duration{}, soonest: math.MaxInt64}
}

// expiry tells when the element ends; false if it does not live at now.
func (s *set) expiry(k elementKey, now time.Duration) (time.Duration, bool) {
	at, ok := s.expires[k]
	return at, ok && now < at
}

// update makes or renews an element, without a timeout if that is 0; false if it
// would have to be made and the set is full. A living element keeps its kind: one
// that never ends goes on to do so, and one with a timeout ends at once if it is
// renewed without (nft_dynset_eval).
func (s *set) update(k elementKey, now, timeout time.Duration) (expires time.Duration, ok bool) {
	at, known := s.expires[k]
	live := known && now < at
	if !live {
		collected := now - now%collectEvery // when the last collection was
		if s.full(collected) {
			return 0, false
		}
		if known && at > collected {
			s.ghosts++
		}
	}
	switch {
	case live && at == Never, !live && timeout == 0:
		expires = Never
	default:
		expires = now + timeout
	}
	s.expires[k] = expires
	s.soonest = min(s.soonest, expires)
	return expires, true
}

// delete ends an element; false if it does not live. Its place stays taken until
// the next collection.
func (s *set) delete(k elementKey, now time.Duration) bool {
	if at, known := s.expires[k]; !known || now >= at {
		return false
	}
	s.countGhostsOf(now - now%collectEvery)
	s.ghosts++
	delete(s.expires, k)
	return true
}

// countGhostsOf begins to count anew after a collection.
func (s *set) countGhostsOf(collected time.Duration) {
	if s.ghostPeriod != collected {
		s.ghosts, s.ghostPeriod = 0, collected
	}
}

// full reports whether all places are taken, given when the last collection was.
func (s *set) full(collected time.Duration) bool {
	s.countGhostsOf(collected)
	if len(s.expires)+s.ghosts < s.size {
		return false
	}
	s.collect(collected)
	return len(s.expires)+s.ghosts >= s.size
}

// collect takes out the elements that had ended when the last collection was.
func (s *set) collect(collected time.Duration) {
	if s.soonest > collected {
		return
	}
	s.soonest = math.MaxInt64
	for k, at := range s.expires {
		if at <= collected {
			delete(s.expires, k)
		} else {
			s.soonest = min(s.soonest, at)
		}
	}
}
