//go:build linux

package rehearse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
)

// place is a network namespace with the interfaces, addresses and routes of a host.
type place struct {
	*netns.Host
	of     *host
	routes *netlink.Conn // to ask for routes
}

// newPlace makes one without rules.
func newPlace(h *host) (*place, error) {
	var ifaces []netns.Interface
	for _, l := range h.links {
		ifaces = append(ifaces, netns.Interface{Name: l.name, Index: l.index})
	}
	if len(ifaces) == 0 {
		return nil, errors.New("this host has no interface except lo")
	}
	there, err := netns.NewHost(ifaces...)
	if err != nil {
		return nil, err
	}
	p := &place{Host: there, of: h}
	err = there.Do(func() (err error) {
		if p.routes, err = netlink.Dial(unix.NETLINK_ROUTE, nil); err != nil {
			return err
		}
		if err := p.renumber(); err != nil {
			return err
		}
		return p.settle()
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *place) Close() {
	if p.routes != nil {
		p.routes.Close()
	}
	p.Host.Close()
}

// settle gives the place what the host has. It runs on the place's thread.
func (p *place) settle() error {
	for _, l := range p.of.links {
		for _, s := range []sysctl{{"accept_dad", "0"}, {"accept_ra", "0"}, {"router_solicitations", "0"}, {"addr_gen_mode", "1"}} {
			set(sysctl{"ipv6/conf/" + l.name + "/" + s.name, s.value})
		}
	}
	// What is answered decides nothing, but is compared: so no answer is held back.
	set(sysctl{"ipv4/icmp_ratemask", "0"})
	set(sysctl{"ipv6/icmp/ratemask", "0"})
	for _, s := range p.of.sysctls {
		set(s)
	}
	for _, l := range append([]link{{index: loopback, up: true}}, p.of.links...) {
		if err := p.bringUp(l); err != nil {
			return fmt.Errorf("bring up a copy of %s: %w", l.name, err)
		}
	}
	for _, a := range p.of.addresses {
		p.addAddress(a)
	}
	p.addRoutes()
	return nil
}

// set sets a variable. What a kernel without IPv6 or connection tracking does not have
// need not be set.
func set(s sysctl) { _ = os.WriteFile(filepath.Join("/proc/sys/net", s.name), []byte(s.value), 0) }

func (p *place) bringUp(l link) error {
	if !l.up {
		return nil
	}
	header := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(header[4:], uint32(l.index))
	binary.NativeEndian.PutUint32(header[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(header[12:], unix.IFF_UP)
	var all []attribute
	if l.mtu > 0 {
		all = append(all, uint32Attribute(unix.IFLA_MTU, min(l.mtu, 0xffff)))
	}
	return request(p.routes, unix.RTM_NEWLINK, rebuilt(header, all))
}

// addAddress adds an address that can be used at once. One that cannot be added is one
// that no attempt is sent to.
func (p *place) addAddress(a address) {
	all := attributesOf(a.raw[unix.SizeofIfAddrmsg:])
	flags := uint32Of(find(all, unix.IFA_FLAGS))&unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_NODAD
	all = slices.DeleteFunc(all, func(a attribute) bool { return a.kind == unix.IFA_FLAGS || a.kind == unix.IFA_CACHEINFO })
	header := slices.Clone(a.raw[:unix.SizeofIfAddrmsg])
	header[2] = unix.IFA_F_NODAD
	_ = request(p.routes, unix.RTM_NEWADDR, rebuilt(header, append(all, uint32Attribute(unix.IFA_FLAGS, flags))))
}

// addRoutes adds the routes and rules that did not come with the addresses. A route that
// leads through another one is tried again after that.
func (p *place) addRoutes() {
	left := p.of.routes
	for range 3 {
		left = slices.DeleteFunc(slices.Clone(left), func(m []byte) bool { return p.addRoute(m) == nil })
	}
	for _, m := range p.of.rules {
		_ = request(p.routes, unix.RTM_NEWRULE, m)
	}
}

func (p *place) addRoute(m []byte) error {
	const (
		cacheInfo = unix.RTA_CACHEINFO
		nextHop   = 30 // RTA_NH_ID: the rest says the same
		flags     = unix.SizeofRtMsg - 4
	)
	header := slices.Clone(m[:unix.SizeofRtMsg])
	table, protocol, kind := header[4], header[5], header[7]
	if table == unix.RT_TABLE_LOCAL && protocol == unix.RTPROT_KERNEL || kind == unix.RTN_MULTICAST || kind == unix.RTN_ANYCAST {
		return nil // the kernel makes them
	}
	binary.NativeEndian.PutUint32(header[flags:], unix.RTNH_F_ONLINK&uint32Of(header[flags:]))
	all := slices.DeleteFunc(attributesOf(m[unix.SizeofRtMsg:]), func(a attribute) bool { return a.kind == cacheInfo || a.kind == nextHop })
	return request(p.routes, unix.RTM_NEWROUTE, rebuilt(header, all))
}

// route is where a packet to an address leaves: the interface, and the type of the route.
func (p *place) route(to netip.Addr) (index int, kind uint8, ok bool) {
	header := make([]byte, unix.SizeofRtMsg)
	header[0], header[1] = unix.AF_INET, 32
	if to.Is6() {
		header[0], header[1] = unix.AF_INET6, 128
	}
	replies, err := p.routes.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETROUTE, Flags: netlink.Request},
		Data:   rebuilt(header, []attribute{{kind: unix.RTA_DST, value: to.AsSlice()}}),
	})
	if err != nil || len(replies) == 0 || len(replies[0].Data) < unix.SizeofRtMsg {
		return 0, 0, false
	}
	m := replies[0].Data
	return int(uint32Of(find(attributesOf(m[unix.SizeofRtMsg:]), unix.RTA_OIF))), m[7], true
}
