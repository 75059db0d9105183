//go:build linux

package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bound is how long to wait for what must come. It decides nothing.
const bound = 20 * time.Second

// Visitor makes connections from a namespace, from one address in each family.
//
// The outcome of an attempt is known without a timeout. A visitor's packets leave on
// one CPU, and each device of a pair hands packets to the other through a queue of that
// CPU, which keeps their order (veth_xmit, enqueue_to_backlog, process_backlog). So
// when a ping that was sent after the attempt comes back, the attempt has been
// answered, or never will be.
type Visitor struct {
	Namespace
	Addresses
	Router Addresses // answers pings
}

// An Outcome is the result of an attempt. Any other value is the text of an error.
type Outcome string

const (
	Open    Outcome = "open"    // connected
	Refused Outcome = "refused" // by a reset or an ICMP error
	Silent  Outcome = "silent"  // no answer
	Sent    Outcome = "sent"    // a datagram without an answer
)

// Connect makes a TCP connection. It is nil unless the outcome is Open, and is closed
// when the test ends.
func (v Visitor) Connect(t TB, to netip.AddrPort) (c net.Conn, o Outcome) {
	t.Helper()
	err := v.attempt(unix.SOCK_STREAM, to, func(fd int, sent error) (err error) {
		if sent == unix.EINPROGRESS {
			sent = nil
		}
		if o, err = outcome(fd, sent); err != nil || o != Open {
			return err
		}
		c, err = connOf(fd)
		return err
	})
	if err != nil {
		t.Fatalf("connect to %v: %v", to, err)
	}
	if c != nil {
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(bound))
	}
	return c, o
}

// connOf is a connection that has a copy of a socket.
func connOf(fd int) (net.Conn, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	return net.FileConn(f)
}

// Datagram sends a UDP datagram.
func (v Visitor) Datagram(t TB, to netip.AddrPort) (o Outcome) {
	t.Helper()
	err := v.attempt(unix.SOCK_DGRAM, to, func(fd int, sent error) (err error) {
		if o, err = outcome(fd, sent); o == Open {
			o = Sent
		}
		return err
	})
	if err != nil {
		t.Fatalf("send to udp %v: %v", to, err)
	}
	return o
}

// Ping sends an echo request with length bytes of data.
func (v Visitor) Ping(t TB, to netip.Addr, length int) {
	t.Helper()
	v6 := to.Is6()
	err := v.Do(func() error {
		if err := stay(); err != nil {
			return err
		}
		fd, err := v.pinging(v6)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, v.echo(v6, 0, length), 0, sockaddr(netip.AddrPortFrom(to, 0))); err != nil {
			return err
		}
		return v.await(v6)
	})
	if err != nil {
		t.Fatalf("ping %v: %v", to, err)
	}
}

// Frame sends an Ethernet frame from the namespace's device.
func (v Visitor) Frame(t TB, device string, frame []byte) {
	t.Helper()
	err := v.Do(func() error {
		if err := stay(); err != nil {
			return err
		}
		d, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: d.Index}); err != nil {
			return err
		}
		return v.await(false)
	})
	if err != nil {
		t.Fatalf("send a frame on %s: %v", device, err)
	}
}

// Packet sends an IP packet as it is.
func (v Visitor) Packet(t TB, packet []byte) {
	t.Helper()
	v6 := packet[0]>>4 == 6
	var to netip.AddrPort
	if v6 {
		to = netip.AddrPortFrom(netip.AddrFrom16([16]byte(packet[24:])), 0)
	} else {
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:])), 0)
	}
	err := v.Do(func() error {
		if err := stay(); err != nil {
			return err
		}
		fd, err := unix.Socket(family(v6), unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, packet, 0, sockaddr(to)); err != nil {
			return err
		}
		return v.await(v6)
	})
	if err != nil {
		t.Fatalf("send a packet to %v: %v", to.Addr(), err)
	}
}

// attempt calls f with the socket of an attempt when that has had its answer.
func (v Visitor) attempt(kind int, to netip.AddrPort, f func(fd int, sent error) error) error {
	return v.Do(func() error {
		if err := stay(); err != nil {
			return err
		}
		v6 := to.Addr().Is6()
		fd, err := unix.Socket(family(v6), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, sockaddr(v.Of(v6, 0))); err != nil {
			return fmt.Errorf("bind to %v: %w", v.Of(v6, 0), err)
		}
		sent := unix.Connect(fd, sockaddr(to))
		if kind == unix.SOCK_DGRAM && sent == nil {
			sent = unix.Sendto(fd, []byte("hello"), 0, nil)
		}
		if err := v.await(v6); err != nil {
			return err
		}
		return f(fd, sent)
	})
}

// stay keeps the thread on the CPU where it is.
func stay() error {
	var cpu uint32
	if _, _, errno := unix.Syscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return errno
	}
	var set unix.CPUSet
	set.Set(int(cpu))
	return unix.SchedSetaffinity(0, &set)
}

// outcome is that of a socket whose answer has come, if one does.
func outcome(fd int, sent error) (Outcome, error) {
	if sent != nil {
		return failed(sent), nil
	}
	number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return "", err
	}
	if number != 0 {
		return failed(unix.Errno(number)), nil
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if _, err := unix.Poll(poll, 0); err != nil {
		return "", err
	}
	if poll[0].Revents&unix.POLLOUT != 0 {
		return Open, nil
	}
	return Silent, nil
}

func failed(err error) Outcome {
	if errors.Is(err, unix.ECONNREFUSED) {
		return Refused
	}
	return Outcome(err.Error())
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// await sends pings to the router, each when the one before has come back: more than an
// attempt has devices to go through, to and fro, when neighbours are asked for as well.
func (v Visitor) await(v6 bool) error {
	const pings = 8
	fd, err := v.pinging(v6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for n := range pings {
		if err := v.pings(fd, v6, v.echo(v6, n+1, 0)); err != nil {
			return err
		}
	}
	return nil
}

// pings sends a ping to the router until it comes back: a wire that is new may lose some.
func (v Visitor) pings(fd int, v6 bool, echo []byte) error {
	to := v.Router.Of(v6, 0)
	for begin := time.Now(); ; {
		err := unix.Sendto(fd, echo, 0, sockaddr(to))
		if err == nil {
			err = awaitReply(fd, v6, echo)
		} else if err == unix.EINVAL { // IPv6 on a wire that is not up yet
			time.Sleep(time.Millisecond)
			err = unix.EAGAIN
		}
		if err == nil {
			return nil
		}
		if err != unix.EAGAIN || time.Since(begin) > bound {
			return fmt.Errorf("no answer to a ping from %v: %w", to.Addr(), err)
		}
	}
}

// pinging opens a socket for pings.
func (v Visitor) pinging(v6 bool) (int, error) {
	fd, err := unix.Socket(family(v6), unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(Ping.number(v6)))
	if err != nil {
		return 0, err
	}
	patience := unix.NsecToTimeval(int64(time.Second))
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience), unix.Bind(fd, sockaddr(v.Of(v6, 0))))
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// echo is the nth echo request.
func (v Visitor) echo(v6 bool, n, length int) []byte {
	echo := Packet{Src: v.Of(v6, 0).Addr(), Proto: Ping, SrcPort: uint16(os.Getpid()), Length: length}.appendEcho(nil)
	binary.BigEndian.PutUint16(echo[6:], uint16(n))
	binary.BigEndian.PutUint16(echo[2:], checksum(0, echo)) // in IPv6 the kernel does
	return echo
}

func awaitReply(fd int, v6 bool, echo []byte) error {
	b := make([]byte, 256)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		m := b[:n]
		if !v6 {
			m = m[int(m[0]&0xf)*4:]
		}
		if m[0] == icmpTypesOf(v6).echoReply && string(m[4:8]) == string(echo[4:8]) {
			return nil
		}
	}
}

// Mailbox is a UDP port of a namespace, over IPv4 and IPv6.
type Mailbox struct{ fd int }

// Mailbox opens a UDP port.
func (ns Namespace) Mailbox(t TB, port uint16) Mailbox {
	t.Helper()
	fd := -1
	err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrInet6{Port: int(port)})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return Mailbox{fd}
}

// Take empties the mailbox, and returns how many datagrams were in it.
func (m Mailbox) Take(t TB) (n int) {
	t.Helper()
	b := make([]byte, 256)
	for {
		switch _, _, err := unix.Recvfrom(m.fd, b, 0); err {
		case nil:
			n++
		case unix.EINTR:
		case unix.EAGAIN:
			return n
		default:
			t.Fatal(err)
		}
	}
}
