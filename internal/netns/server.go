package netns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// backlog is the number of connections that a listener's queue holds.
const backlog = 1 << 20

// Listen opens a port in both families: a TCP listener, or a UDP socket whose
// answers are Send's work. A port that is open already stays as it is. For Ping
// there is nothing to do: the host answers pings itself.
//
// TCP connections stay in the listener's queue, established and idle, for the
// life of the host.
func (h *Host) Listen(proto Proto, port uint16) error {
	if proto == Ping {
		return nil
	}
	return h.Do(func() error {
		for _, v6 := range []bool{false, true} {
			if err := h.listen(socket{proto, port, v6}); err != nil {
				return fmt.Errorf("listen on %v port %d: %w", proto, port, err)
			}
		}
		return nil
	})
}

func (h *Host) listen(s socket) error {
	if _, ok := h.listening[s]; ok {
		return nil
	}
	kind := unix.SOCK_STREAM
	if s.proto == UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := h.open(family(s.v6), kind, int(s.proto))
	if err != nil {
		return err
	}
	var any unix.Sockaddr = &unix.SockaddrInet4{Port: int(s.port)}
	if s.v6 {
		any = &unix.SockaddrInet6{Port: int(s.port)}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, any); err != nil {
		return err
	}
	if s.proto == TCP {
		if err := unix.Listen(fd, backlog); err != nil {
			return err
		}
	}
	h.listening[s] = fd
	return nil
}
