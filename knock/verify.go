package knock

import (
	"net"
	"net/netip"
	"time"
)

// The times of [Open]. The door gets a moment to open, since the connection attempt
// must not overtake the last step. The time for an answer is long enough for one lost
// attempt.
const (
	settle  = 100 * time.Millisecond
	patient = 2500 * time.Millisecond
)

// Open reports whether it can connect to a TCP service. It closes the connection at
// once.
func Open(service netip.AddrPort) bool {
	time.Sleep(settle)
	c, err := net.DialTimeout("tcp", service.String(), patient)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
