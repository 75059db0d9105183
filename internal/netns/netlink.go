package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// netlink is a route netlink socket, see rtnetlink(7).
type netlink struct{ fd int }

// attr is a route attribute.
type attr struct {
	kind uint16
	data []byte
}

func uint32Attr(kind uint16, v uint32) attr {
	return attr{kind, binary.NativeEndian.AppendUint32(nil, v)}
}

func dialNetlink() (netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return netlink{}, fmt.Errorf("open netlink socket: %w", err)
	}
	return netlink{fd}, nil
}

func (nl netlink) close() { unix.Close(nl.fd) }

func (nl netlink) setUp(link int, attrs ...attr) error {
	err := nl.request(unix.RTM_NEWLINK, unix.IfInfomsg{
		Index:  int32(link),
		Flags:  unix.IFF_UP,
		Change: unix.IFF_UP,
	}, attrs...)
	if err != nil {
		return fmt.Errorf("set link up: %w", err)
	}
	return nil
}

func (nl netlink) addAddress(link int, p netip.Prefix) error {
	ip := p.Addr().AsSlice()
	err := nl.request(unix.RTM_NEWADDR, unix.IfAddrmsg{
		Family:    uint8(family(p.Addr().Is6())),
		Prefixlen: uint8(p.Bits()),
		Flags:     unix.IFA_F_NODAD,
		Index:     uint32(link),
	}, attr{unix.IFA_LOCAL, ip}, attr{unix.IFA_ADDRESS, ip})
	if err != nil {
		return fmt.Errorf("add address %v: %w", p, err)
	}
	return nil
}

func (nl netlink) addDefaultRoute(link int, via netip.Addr) error {
	err := nl.request(unix.RTM_NEWROUTE, unix.RtMsg{
		Family:   uint8(family(via.Is6())),
		Table:    unix.RT_TABLE_MAIN,
		Protocol: unix.RTPROT_STATIC,
		Type:     unix.RTN_UNICAST,
	}, attr{unix.RTA_GATEWAY, via.AsSlice()}, uint32Attr(unix.RTA_OIF, uint32(link)))
	if err != nil {
		return fmt.Errorf("add default route via %v: %w", via, err)
	}
	return nil
}

// request sends one message and returns the error that the kernel answers with.
func (nl netlink) request(kind uint16, header any, attrs ...attr) error {
	body, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		return err
	}
	for _, a := range attrs {
		body = appendAttr(body, a)
	}
	msg, err := binary.Append(nil, binary.NativeEndian, unix.NlMsghdr{
		Len:   uint32(unix.SizeofNlMsghdr + len(body)),
		Type:  kind,
		Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | unix.NLM_F_CREATE,
	})
	if err != nil {
		return err
	}
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(nl.fd, append(msg, body...), 0, kernel); err != nil {
		return err
	}
	return nl.ack()
}

func appendAttr(b []byte, a attr) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(a.data)))
	b = binary.NativeEndian.AppendUint16(b, a.kind)
	b = append(b, a.data...)
	return append(b, make([]byte, -len(b)&3)...)
}

func (nl netlink) ack() error {
	var buf [4096]byte
	n, _, err := unix.Recvfrom(nl.fd, buf[:], 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(buf[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("netlink answer of %d bytes is no acknowledgement", n)
	}
	errno := -int32(binary.NativeEndian.Uint32(buf[unix.SizeofNlMsghdr:]))
	if errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}
