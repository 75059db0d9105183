//go:build linux

package live

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Tracks reports whether the host tracks connections already. It is tried: what the host
// sends to itself is tracked or not.
func (h *kernel) Tracks() bool {
	tried := 0
	for _, loopback := range []string{"127.0.0.1:9", "[::1]:9"} {
		tracked, err := tracks(loopback)
		if err != nil {
			continue // the host has no such family
		}
		if !tracked {
			return false
		}
		tried++
	}
	return tried > 0
}

// tracks reports whether the kernel knows of more connections after some datagrams were
// sent to a port that nobody listens at. Others may begin and end meanwhile, so it takes
// most of them.
func tracks(address string) (bool, error) {
	const datagrams = 64
	before, err := tracked()
	if err != nil {
		return false, nil // it has never been loaded
	}
	for range datagrams {
		c, err := net.Dial("udp", address)
		if err != nil {
			return false, err
		}
		_, err = c.Write([]byte{0})
		c.Close()
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			return false, err
		}
	}
	after, err := tracked()
	return err == nil && after-before > datagrams/2, nil
}

// tracked is how many connections the kernel knows, in the thread's namespace.
func tracked() (int, error) {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
