package knock

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"knockc/lang"
)

// Ready returns an error if the sequence cannot be sent to an address, because there is
// no route to it or because the user may not ping. It sends nothing.
func (s Sequence) Ready(to netip.Addr) error {
	const discard = 9 // any port will do: connect(2) of UDP only looks for a route
	fd, err := dial(lang.UDP, to, discard)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", to, err)
	}
	unix.Close(fd)
	for i, step := range s.Steps {
		if step.Proto != lang.Ping {
			continue
		}
		fd, err := dial(lang.Ping, to, 0)
		if err != nil {
			return stepError(i, step, err)
		}
		unix.Close(fd)
		break // the others are alike
	}
	return nil
}

// Send sends the steps to an address with the delay between them. It returns when the
// last one has been sent. The error names the step that failed.
func (s Sequence) Send(to netip.Addr, delay time.Duration) error {
	start := time.Now()
	for i, step := range s.Steps {
		time.Sleep(time.Until(start.Add(time.Duration(i) * delay)))
		if err := send(to, step); err != nil {
			return stepError(i, step, err)
		}
	}
	return nil
}

func stepError(i int, step lang.Step, err error) error {
	return fmt.Errorf("cannot send step %d, %s: %w", i+1, lang.Quote(step.String()), err)
}

func send(to netip.Addr, step lang.Step) error {
	fd, err := dial(step.Proto, to, step.Port)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch step.Proto {
	case lang.UDP:
		_, err = unix.Write(fd, []byte{'\n'}) // some firewalls drop empty datagrams
	case lang.Ping:
		_, err = unix.Write(fd, echoRequest(to, step.Length))
	}
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
		number = icmp
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, number)
	if err == unix.EACCES && proto == lang.Ping {
		return 0, errors.New("you are not allowed to ping; root can allow everyone: sysctl -w net.ipv4.ping_group_range='0 2147483647'")
	}
	if err != nil {
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

// echoRequest is an ICMP or ICMPv6 echo request. The kernel fills in its checksum
// and identifier (ping_v4_sendmsg, ping_v6_sendmsg).
func echoRequest(to netip.Addr, length int) []byte {
	const header = 8
	if length == lang.AnyLength {
		length = lang.UsualPingLength
	}
	b := make([]byte, header+length)
	b[0] = 8
	if to.Is6() {
		b[0] = 128
	}
	return b
}
