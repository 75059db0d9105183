package sim

import (
	"net/netip"
	"time"
)

// collectEvery is the kernel's default gc-interval.
const collectEvery = time.Second

type elementKey struct {
	src   netip.Addr
	state uint32
}

// set is a set of elements with timeouts.
type set struct {
	name        string
	size        int
	expires     map[elementKey]time.Duration
	ghosts      int // elements that ended and were made anew: their old place is still taken
	nextCollect time.Duration
}

func newSet(name string, size int) *set {
	return &set{name: name, size: size, expires: map[elementKey]time.Duration{}, nextCollect: collectEvery}
}

// expiry tells when the element ends; false if it does not live at now.
func (s *set) expiry(k elementKey, now time.Duration) (time.Duration, bool) {
	at, ok := s.expires[k]
	return at, ok && now < at
}

// update makes or renews an element; false if it would have to be made and the
// set is full.
func (s *set) update(k elementKey, now, timeout time.Duration) bool {
	s.collect(now)
	at, known := s.expires[k]
	if !known || at <= now {
		if len(s.expires)+s.ghosts >= s.size {
			return false
		}
		if known {
			s.ghosts++
		}
	}
	s.expires[k] = now + timeout
	return true
}

// collect frees the places of ended elements if a collection was due. It is
// enough to do so before the set is written: a place freed late is seen by
// nobody.
func (s *set) collect(now time.Duration) {
	if now < s.nextCollect {
		return
	}
	due := now - now%collectEvery
	s.nextCollect = due + collectEvery
	s.ghosts = 0
	for k, at := range s.expires {
		if at <= due {
			delete(s.expires, k)
		}
	}
}
