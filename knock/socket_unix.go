//go:build unix

package knock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"

	"example.org/knockc/lang"
)

func route(to netip.Addr) error { return sendDatagram(to, discard, nil) }

func mayPing(to netip.Addr) error {
	fd, err := dial(lang.Ping, to, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func sendSYN(to netip.Addr, port uint16) error {
	fd, err := dial(lang.TCP, to, port)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// sendDatagram sends nothing if there is no data.
func sendDatagram(to netip.Addr, port uint16, data []byte) error {
	fd, err := dial(lang.UDP, to, port)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if data != nil {
		_, err = unix.Write(fd, data)
	}
	return err
}

func sendPing(to netip.Addr, length int) error {
	fd, err := dial(lang.Ping, to, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, echoRequest(to, length))
	return err
}

// dial opens a socket and connects it, which for TCP sends the SYN.
func dial(proto lang.Proto, to netip.Addr, port uint16) (int, error) {
	sa, err := sockaddr(to, port)
	if err != nil {
		return 0, err
	}
	family, icmp := unix.AF_INET, unix.IPPROTO_ICMP
	if to.Is6() {
		family, icmp = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	kind, number := unix.SOCK_DGRAM, 0
	switch proto {
	case lang.TCP:
		kind = unix.SOCK_STREAM
	case lang.Ping:
		kind, number = pingKind(), icmp
	}
	fd, err := unix.Socket(family, kind, number)
	if proto == lang.Ping && (err == unix.EACCES || err == unix.EPERM) {
		return 0, errMayNotPing()
	}
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return 0, err
	}
	switch err := unix.Connect(fd, sa); err {
	case nil, unix.EINPROGRESS, unix.ECONNREFUSED: // the last where the host is this one
		return fd, nil
	default:
		unix.Close(fd)
		return 0, err
	}
}

// pingKind is the kind of a socket that sends pings: one that anyone may open, if the
// system has such.
func pingKind() int {
	switch runtime.GOOS {
	case "linux", "darwin":
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_RAW
}

func errMayNotPing() error {
	if runtime.GOOS == "linux" {
		return errors.New("you are not allowed to ping; root can allow everyone: sysctl -w net.ipv4.ping_group_range='0 2147483647'")
	}
	return fmt.Errorf("only root may ping on %s", runtime.GOOS)
}

// sockaddr is an address and a port as the kernel takes them.
func sockaddr(to netip.Addr, port uint16) (unix.Sockaddr, error) {
	if to.Is4() {
		return &unix.SockaddrInet4{Addr: to.As4(), Port: int(port)}, nil
	}
	sa := &unix.SockaddrInet6{Addr: to.As16(), Port: int(port)}
	switch zone := to.Zone(); {
	case zone != "":
		iface, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, fmt.Errorf("there is no interface %s", lang.Quote(zone))
		}
		sa.ZoneId = uint32(iface.Index)
	case to.IsLinkLocalUnicast():
		return nil, errNoZone(to)
	}
	return sa, nil
}
