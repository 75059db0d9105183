//go:build linux

package netns

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// The addresses of the host, and of a router behind the TUN device, which does not
// exist. With one next hop for all sources, there is one IPv6 neighbour entry.
// Otherwise each source would take one of the 1024 entries of the whole machine.
var (
	addr4    = netip.MustParsePrefix("198.18.0.1/24")
	addr6    = netip.MustParsePrefix("fd00:6b6e::1/64")
	gateway4 = netip.MustParseAddr("198.18.0.2")
	gateway6 = netip.MustParseAddr("fd00:6b6e::2")
)

func ownAddr(v6 bool) netip.Addr {
	if v6 {
		return addr6.Addr()
	}
	return addr4.Addr()
}

// tunQueue is the number of answers that a TUN device holds until the next
// Send. The default of 500 could be filled by repeated SYN/ACKs.
const tunQueue = 1 << 14

// mtu is the greatest that a TUN device has, so that long pings, which Send writes
// in one piece, can be forwarded.
const mtu = 0xffff

// setUp makes the namespace, with its interfaces. It runs on the namespace's thread.
func (h *Host) setUp(ifaces []Interface) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	taken, err := moveAway(ifaces)
	if err != nil {
		return err
	}
	for _, iface := range ifaces {
		if taken[iface.Index] {
			iface.Index = 0
		}
		fd, err := h.openTUN(iface)
		if err != nil {
			return err
		}
		h.tuns[iface.Name] = fd
		h.links = append(h.links, fd)
	}
	h.tuns[""] = h.links[0]
	return h.openRaw()
}

// moveAway renames the interfaces that a new namespace has if one of these is to have its
// name: lo, and the devices that modules for tunnels bring, such as sit0, which cannot be
// removed. It returns their indices.
func moveAway(ifaces []Interface) (taken map[int]bool, err error) {
	there, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	nl, err := dialNetlink(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer nl.close()
	taken = map[int]bool{}
	for _, old := range there {
		taken[old.Index] = true
		if slices.ContainsFunc(ifaces, func(i Interface) bool { return i.Name == old.Name }) {
			if err := nl.rename(old.Index, fmt.Sprintf("moved%d", old.Index)); err != nil {
				return nil, err
			}
		}
	}
	return taken, nil
}

func (h *Host) openTUN(iface Interface) (int, error) {
	ifname := iface.Name
	const path = "/dev/net/tun"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h.fds = append(h.fds, fd)
	req, err := unix.NewIfreq(ifname)
	if err != nil {
		return 0, fmt.Errorf("interface name %q: %w", ifname, err)
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if iface.Index != 0 {
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, iface.Index); err != nil {
			return 0, fmt.Errorf("make TUN device %s with index %d: %w", ifname, iface.Index, err)
		}
	}
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return 0, fmt.Errorf("make TUN device %s: %w", ifname, err)
	}
	if req.Name() != ifname { // %d stands for a number (dev_alloc_name)
		return 0, fmt.Errorf("interface name %q: the kernel made %q of it", ifname, req.Name())
	}
	// Closing a device that isn't persistent takes 30 ms. This one goes with its
	// namespace, which the kernel removes in the background.
	if err := unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1); err != nil {
		return 0, fmt.Errorf("make TUN device %s persistent: %w", ifname, err)
	}
	return fd, nil
}

// setSysctls writes to /proc/sys/net, which shows the namespace of the thread
// that opens a file in it (net_ctl_header_lookup).
func setSysctls(ifnames []string) error {
	type sysctl struct{ name, value string }
	sysctls := []sysctl{
		{"core/somaxconn", fmt.Sprint(backlog)},
		{"ipv4/conf/all/rp_filter", "0"},
		// A type of ICMP message that isn't in the mask is not limited,
		// neither per destination nor over all. Type 0 of ICMPv6 is never sent.
		{"ipv4/icmp_ratemask", "0"},
		{"ipv6/icmp/ratemask", "0"},
		// All packets leave by the interface that most of them arrive on, of which
		// a router tells the sender.
		{"ipv4/ip_forward", "1"},
		{"ipv6/conf/all/forwarding", "1"},
		{"ipv4/conf/all/send_redirects", "0"},
		{"ipv4/conf/all/accept_redirects", "0"},
	}
	for _, ifname := range ifnames {
		sysctls = append(sysctls,
			sysctl{"ipv4/conf/" + ifname + "/rp_filter", "0"},
			sysctl{"ipv4/conf/" + ifname + "/send_redirects", "0"},
			sysctl{"ipv4/conf/" + ifname + "/accept_redirects", "0"},
			sysctl{"ipv6/conf/" + ifname + "/accept_redirects", "0"},
			sysctl{"ipv6/conf/" + ifname + "/accept_dad", "0"},
			sysctl{"ipv6/conf/" + ifname + "/router_solicitations", "0"},
		)
	}
	for _, s := range sysctls {
		if err := writeSysctl(s.name, s.value); err != nil {
			return err
		}
	}
	return nil
}

func writeSysctl(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0)
}

// configure brings the interfaces up and gives the first addresses and routes.
func configure(ifnames []string) error {
	nl, err := dialNetlink(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer nl.close()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	if err := nl.setUp(lo.Index); err != nil {
		return err
	}
	var links []int
	for _, ifname := range ifnames {
		tun, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		if err := nl.setUp(tun.Index, uint32Attr(unix.IFLA_TXQLEN, tunQueue), uint32Attr(unix.IFLA_MTU, mtu)); err != nil {
			return err
		}
		links = append(links, tun.Index)
	}
	for _, step := range []func() error{
		func() error { return nl.addAddress(links[0], addr4) },
		func() error { return nl.addAddress(links[0], addr6) },
		func() error { return nl.addDefaultRoute(links[0], gateway4) },
		func() error { return nl.addDefaultRoute(links[0], gateway6) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) openRaw() error {
	for _, proto := range []Proto{TCP, UDP, Ping} {
		for _, v6 := range []bool{false, true} {
			fd, err := h.open(family(v6), unix.SOCK_RAW, int(proto.number(v6)))
			if err != nil {
				return fmt.Errorf("open raw socket: %w", err)
			}
			h.raw[socket{proto: proto, v6: v6}] = fd
		}
	}
	return nil
}

func family(v6 bool) int {
	if v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// open opens a socket that is closed with h.
func (h *Host) open(family, kind, proto int) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if err == nil {
		h.fds = append(h.fds, fd)
	}
	return fd, err
}

// closeNow closes a socket before h.
func (h *Host) closeNow(fd int) error {
	h.fds = slices.DeleteFunc(h.fds, func(other int) bool { return other == fd })
	return unix.Close(fd)
}
