//go:build linux

package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// backlog is the number of connections that a listener's queue holds.
const backlog = 1 << 20

// Listen opens a port in both families: a TCP listener, or a UDP socket, for which Send
// sends the answers. A port that is already open stays as it is. Ping needs nothing:
// the host answers pings itself.
//
// TCP connections are established and idle, for the life of the host or until
// CloseServer or AbortServer ends them.
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
	// An earlier socket, and connections that it accepted, may have the port still.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
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

// Unlisten closes a port that Listen opened. Its TCP connections stay established;
// connections that the client has not confirmed are forgotten silently.
func (h *Host) Unlisten(proto Proto, port uint16) error {
	for _, v6 := range []bool{false, true} {
		s := socket{proto, port, v6}
		fd, ok := h.listening[s]
		if !ok {
			return fmt.Errorf("close %v port %d: it is not open", proto, port)
		}
		delete(h.listening, s)
		if err := h.unlisten(proto, fd); err != nil {
			return fmt.Errorf("close %v port %d: %w", proto, port, err)
		}
	}
	return nil
}

// unlisten ends what the socket does before it closes it. That alone would not do:
// a program that is just being started has all sockets too, until it runs.
func (h *Host) unlisten(proto Proto, fd int) error {
	if proto == UDP {
		if err := unix.BindToDevice(fd, "lo"); err != nil {
			return err
		}
		return h.closeNow(fd)
	}
	if err := h.accept(fd); err != nil { // what stays in the queue is reset
		return err
	}
	if err := unix.Shutdown(fd, unix.SHUT_RD); err != nil {
		return err
	}
	return h.closeNow(fd)
}

// CloseServer closes the server's end of the established TCP connection that p is a
// segment of, as a program does when it has sent everything: with a FIN. The server is
// the host or the inner host that p is for. Later segments of the client acknowledge
// the FIN.
func (h *Host) CloseServer(p Packet) error { return h.endServer(p, FIN) }

// AbortServer is CloseServer with an RST, after which there is no connection.
func (h *Host) AbortServer(p Packet) error { return h.endServer(p, RST) }

func (h *Host) endServer(p Packet, by TCPFlags) error {
	p, err := h.complete(p)
	if err != nil {
		return err
	}
	if err := h.acceptAll(); err != nil {
		return err
	}
	f := p.flow()
	if server, ok := h.translated[f]; ok {
		f.server = server
	}
	if fd, ok := h.accepted[f]; ok {
		err = h.endSocket(f, fd, by)
	} else {
		err = h.endPeer(f, by)
	}
	if err != nil {
		return fmt.Errorf("end connection of %v with %v: %w", f.client, f.server, err)
	}
	_, err = h.readOutput(Packet{}, true)
	return err
}

var (
	errNotEstablished = errors.New("it is not established")
	errOver           = errors.New("it has ended")
)

func (h *Host) endSocket(f flow, fd int, by TCPFlags) error {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return err
	}
	if info.State == closed {
		return errOver
	}
	end := disconnect
	if by == FIN {
		end = func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) }
	}
	if err := end(fd); err != nil { // see unlisten
		return err
	}
	delete(h.accepted, f)
	return h.closeNow(fd)
}

// disconnect resets a connection, see connect(2).
func disconnect(fd int) error {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	if errno != 0 {
		return errno
	}
	return nil
}

// closed is TCP_CLOSE, the state of a connection that was reset.
const closed = 7

func (h *Host) acceptAll() error {
	for s, fd := range h.listening {
		if s.proto != TCP {
			continue
		}
		if err := h.accept(fd); err != nil {
			return err
		}
	}
	return nil
}

// accept takes all connections from a listener's queue.
func (h *Host) accept(listener int) error {
	for {
		fd, from, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept connection: %w", err)
		}
		h.fds = append(h.fds, fd)
		own, err := unix.Getsockname(fd)
		if err != nil {
			return fmt.Errorf("accept connection: %w", err)
		}
		f := flow{client: addrPort(from), server: addrPort(own)}
		if earlier, ok := h.accepted[f]; ok { // it was reset, or there would be none now
			h.closeNow(earlier)
		}
		h.accepted[f] = fd
	}
}

func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}
