package knock

import (
	"net"
	"net/netip"
	"time"
)

// The times of [Open]: the door is given a moment to open, since a connection
// attempt must not overtake the last step; and an answer has time for one attempt
// to be lost.
const (
	settle  = 100 * time.Millisecond
	patient = 2500 * time.Millisecond
)

// Open reports whether a TCP service can be connected to. The connection is closed
// at once.
func Open(service netip.AddrPort) bool {
	time.Sleep(settle)
	c, err := net.DialTimeout("tcp", service.String(), patient)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
