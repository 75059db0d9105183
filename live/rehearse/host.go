//go:build linux

package rehearse

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// host is what decides where a packet to this host goes, except for rules.
type host struct {
	links     []link
	addresses []address
	routes    [][]byte // of RTM_GETROUTE
	rules     [][]byte // of RTM_GETRULE
	sysctls   []sysctl
}

// link is an interface except lo.
type link struct {
	index int
	name  string
	kind  string // of a virtual one: bridge, wireguard
	up    bool
	mtu   uint32
}

type address struct {
	index  int
	prefix netip.Prefix // not cut
	global bool         // strangers may use it
	raw    []byte       // of RTM_GETADDR
}

// sysctl is a variable below /proc/sys/net.
type sysctl struct{ name, value string }

const loopback = 1 // the index of lo in every namespace

// maxRoutes bounds how many routes are copied. A host with more has those of the whole
// internet.
const maxRoutes = 20000

// readHost reads what there is to know in the thread's network namespace.
func readHost() (*host, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	h := &host{}
	if err := h.readLinks(c); err != nil {
		return nil, fmt.Errorf("read interfaces: %w", err)
	}
	if err := h.readAddresses(c); err != nil {
		return nil, fmt.Errorf("read addresses: %w", err)
	}
	if h.routes, err = dump(c, unix.RTM_GETROUTE, unix.SizeofRtMsg); err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	if len(h.routes) > maxRoutes {
		return nil, fmt.Errorf("this host has %d routes, and no more than %d can be copied", len(h.routes), maxRoutes)
	}
	if h.rules, err = dump(c, unix.RTM_GETRULE, unix.SizeofRtMsg); err != nil {
		return nil, fmt.Errorf("read rules for routes: %w", err)
	}
	h.readSysctls()
	return h, nil
}

func (h *host) readLinks(c *netlink.Conn) error {
	replies, err := dump(c, unix.RTM_GETLINK, unix.SizeofIfInfomsg)
	for _, m := range replies {
		l := link{index: int(uint32Of(m[4:])), up: uint32Of(m[8:])&unix.IFF_UP != 0}
		for _, a := range attributesOf(m[unix.SizeofIfInfomsg:]) {
			switch a.kind {
			case unix.IFLA_IFNAME:
				l.name = unix.ByteSliceToString(a.value)
			case unix.IFLA_MTU:
				l.mtu = uint32Of(a.value)
			case unix.IFLA_LINKINFO:
				l.kind = unix.ByteSliceToString(find(attributesOf(a.value), unix.IFLA_INFO_KIND))
			}
		}
		if l.index != loopback {
			h.links = append(h.links, l)
		}
	}
	return err
}

func (h *host) readAddresses(c *netlink.Conn) error {
	replies, err := dump(c, unix.RTM_GETADDR, unix.SizeofIfAddrmsg)
	for _, m := range replies {
		all := attributesOf(m[unix.SizeofIfAddrmsg:])
		own := addrOf(find(all, unix.IFA_LOCAL)) // with a peer, IFA_ADDRESS is that one
		if !own.IsValid() {
			own = addrOf(find(all, unix.IFA_ADDRESS))
		}
		flags := uint32(m[2]) | uint32Of(find(all, unix.IFA_FLAGS))
		if !own.IsValid() || flags&unix.IFA_F_DADFAILED != 0 {
			continue
		}
		h.addresses = append(h.addresses, address{
			index:  int(uint32Of(m[4:])),
			prefix: netip.PrefixFrom(own, int(m[1])),
			global: m[3] < unix.RT_SCOPE_LINK && !own.IsLinkLocalUnicast(),
			raw:    m,
		})
	}
	return err
}

// readSysctls reads the variables that decide where packets go. What this kernel does not
// have is left out.
func (h *host) readSysctls() {
	names := []string{"ipv4/ip_forward", "netfilter/nf_conntrack_tcp_loose", "netfilter/nf_conntrack_tcp_be_liberal"}
	of := func(iface string) {
		for _, name := range []string{"forwarding", "rp_filter", "src_valid_mark", "route_localnet", "accept_local"} {
			names = append(names, "ipv4/conf/"+iface+"/"+name)
		}
		names = append(names, "ipv6/conf/"+iface+"/forwarding")
	}
	of("all")
	of("lo")
	for _, l := range h.links {
		of(l.name)
	}
	for _, name := range names {
		if value, err := os.ReadFile(filepath.Join("/proc/sys/net", name)); err == nil {
			h.sysctls = append(h.sysctls, sysctl{name, strings.TrimSpace(string(value))})
		}
	}
}

// sysctl is the value of a variable, "" if there is none.
func (h *host) sysctl(name string) string {
	if i := slices.IndexFunc(h.sysctls, func(s sysctl) bool { return s.name == name }); i >= 0 {
		return h.sysctls[i].value
	}
	return ""
}

func (h *host) link(index int) *link {
	if i := slices.IndexFunc(h.links, func(l link) bool { return l.index == index }); i >= 0 {
		return &h.links[i]
	}
	return nil
}

// usable reports whether strangers may use an address: it may also be on lo.
func (h *host) usable(a address) bool {
	l := h.link(a.index)
	return a.global && (a.index == loopback || l != nil && l.up)
}

func (h *host) owns(a netip.Addr) bool {
	return slices.ContainsFunc(h.addresses, func(own address) bool { return own.prefix.Addr() == a })
}

// ownAddresses are addresses of the host that a stranger can use who comes in by an
// interface, those of that interface first.
func (h *host) ownAddresses(index int, v6 bool) (first []netip.Addr) {
	var others []netip.Addr
	for _, a := range h.addresses {
		switch {
		case !h.usable(a) || a.prefix.Addr().Is6() != v6:
		case a.index == index:
			first = append(first, a.prefix.Addr())
		default:
			others = append(others, a.prefix.Addr())
		}
	}
	return append(first, others...)
}
