//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// netlink is a netlink socket, see netlink(7).
type netlink struct{ fd int }

// attr is a netlink attribute.
type attr struct {
	kind uint16
	data []byte
}

func uint32Attr(kind uint16, v uint32) attr {
	return attr{kind, binary.NativeEndian.AppendUint32(nil, v)}
}

// dialNetlink speaks to a part of the kernel: [unix.NETLINK_ROUTE] is that of
// rtnetlink(7).
func dialNetlink(family int) (netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
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

func (nl netlink) rename(link int, name string) error {
	err := nl.request(unix.RTM_NEWLINK, unix.IfInfomsg{Index: int32(link)}, attr{unix.IFLA_IFNAME, append([]byte(name), 0)})
	if err != nil {
		return fmt.Errorf("rename link to %s: %w", name, err)
	}
	return nil
}

// addAddress adds an address. The neighbours of one of IPv6 are reached by the
// default route: a router with a route to them would send redirects, and no sysctl
// keeps it from that (ip6_forward, ndisc_send_redirect).
func (nl netlink) addAddress(link int, p netip.Prefix) error {
	ip := p.Addr().AsSlice()
	flags := uint32(unix.IFA_F_NODAD)
	if p.Addr().Is6() {
		flags |= unix.IFA_F_NOPREFIXROUTE
	}
	err := nl.request(unix.RTM_NEWADDR, unix.IfAddrmsg{
		Family:    uint8(family(p.Addr().Is6())),
		Prefixlen: uint8(p.Bits()),
		Index:     uint32(link),
	}, attr{unix.IFA_LOCAL, ip}, attr{unix.IFA_ADDRESS, ip}, uint32Attr(unix.IFA_FLAGS, flags))
	if err != nil {
		return fmt.Errorf("add address %v: %w", p, err)
	}
	return nil
}

// addDefaultRoute adds one whose connections acknowledge everything at once: else
// the acknowledgement of a FIN may come 40 ms later.
func (nl netlink) addDefaultRoute(link int, via netip.Addr) error {
	quick := appendAttr(nil, uint32Attr(unix.RTAX_QUICKACK, 1))
	err := nl.request(unix.RTM_NEWROUTE, unix.RtMsg{
		Family:   uint8(family(via.Is6())),
		Table:    unix.RT_TABLE_MAIN,
		Protocol: unix.RTPROT_STATIC,
		Type:     unix.RTN_UNICAST,
		Flags:    unix.RTNH_F_ONLINK,
	}, attr{unix.RTA_GATEWAY, via.AsSlice()}, uint32Attr(unix.RTA_OIF, uint32(link)), attr{unix.RTA_METRICS, quick})
	if err != nil {
		return fmt.Errorf("add default route via %v: %w", via, err)
	}
	return nil
}

// forgetFlows empties the connection tracking table: a request to delete that names
// no entry means all (ctnetlink_del_conntrack).
func (nl netlink) forgetFlows() error {
	const ctDelete = 2 // IPCTNL_MSG_CT_DELETE
	if err := nl.request(unix.NFNL_SUBSYS_CTNETLINK<<8|ctDelete, unix.Nfgenmsg{Nfgen_family: unix.AF_UNSPEC, Version: unix.NFNETLINK_V0}); err != nil {
		return fmt.Errorf("forget flows: %w", err)
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
