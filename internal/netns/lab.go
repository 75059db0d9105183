//go:build linux

package netns

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"
)

// Lab is a client, a host, and an inner host that the others reach through the host:
//
//	Client eth0 ─────────── eth0 Host lan0 ─────────── eth0 Inner
//	192.0.2.2     192.0.2.1           10.66.2.1     10.66.2.2
//	2001:db8::2   2001:db8::1   2001:db8:66::1   2001:db8:66::2
//
// The client also has all of 198.51.100.0/24 and 2001:db8:c::/64, so that a test has
// enough strangers. The host forwards, and has no rules.
type Lab struct {
	Client, Host, Inner Namespace
}

// The addresses of a lab.
var (
	LabHost  = Addresses{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	LabInner = Addresses{netip.MustParseAddr("10.66.2.2"), netip.MustParseAddr("2001:db8:66::2")}
	labLAN   = Addresses{netip.MustParseAddr("10.66.2.1"), netip.MustParseAddr("2001:db8:66::1")}
)

// Addresses are the addresses of a host in each family.
type Addresses [2]netip.Addr

// Of is the address of one family, with a port.
func (a Addresses) Of(v6 bool, port uint16) netip.AddrPort {
	if v6 {
		return netip.AddrPortFrom(a[1], port)
	}
	return netip.AddrPortFrom(a[0], port)
}

// NewLab returns a lab that is removed when the test ends, and skips the test as
// [NewPair] does.
func NewLab(t TB, programs ...string) *Lab {
	t.Helper()
	for _, program := range append(programs, "ip", "nft", "nsenter", "unshare") {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, err)
		}
	}
	l := &Lab{NewNamespace(t), NewNamespace(t), NewNamespace(t)}
	l.Host.Wire(t, "eth0", l.Client, "eth0")
	l.Host.Wire(t, "lan0", l.Inner, "eth0")
	l.Client.Sysctl(t, "ipv6/ip_nonlocal_bind", "1")
	l.Client.IP(t,
		"address add 192.0.2.2/24 dev eth0", "address add 2001:db8::2/64 dev eth0 nodad",
		"route add local 198.51.100.0/24 dev lo", "route add local 2001:db8:c::/64 dev lo",
		"route add default via 192.0.2.1", "route add default via 2001:db8::1")
	l.Host.IP(t,
		"address add 192.0.2.1/24 dev eth0", "address add 2001:db8::1/64 dev eth0 nodad",
		"address add 10.66.2.1/24 dev lan0", "address add 2001:db8:66::1/64 dev lan0 nodad",
		"route add 198.51.100.0/24 via 192.0.2.2", "route add 2001:db8:c::/64 via 2001:db8::2")
	l.Inner.IP(t,
		"address add 10.66.2.2/24 dev eth0", "address add 2001:db8:66::2/64 dev eth0 nodad",
		"route add default via 10.66.2.1", "route add default via 2001:db8:66::1")
	l.Host.Sysctl(t, "ipv4/ip_forward", "1")
	l.Host.Sysctl(t, "ipv6/conf/all/forwarding", "1")
	l.awaitWires(t)
	return l
}

// NewNamespace returns a namespace without interfaces, which lasts as long as the test,
// five minutes at most. It answers at once: its IPv6 addresses can be used without
// delay, and its ICMP errors are not limited.
func NewNamespace(t TB) Namespace {
	t.Helper()
	ns := newNamespace(t)
	ns.IP(t, "link set lo up")
	for _, which := range []string{"all", "default"} {
		ns.Sysctl(t, "ipv6/conf/"+which+"/accept_dad", "0")
		ns.Sysctl(t, "ipv4/conf/"+which+"/rp_filter", "0")
	}
	ns.Sysctl(t, "ipv4/icmp_ratemask", "0")
	ns.Sysctl(t, "ipv6/icmp/ratemask", "0")
	return ns
}

// Wire joins two namespaces with a pair of veth devices, which it brings up.
func (ns Namespace) Wire(t TB, device string, other Namespace, others string) {
	t.Helper()
	ns.IP(t, fmt.Sprintf("link add %s type veth peer name %s netns %d", device, others, int(other)), "link set "+device+" up")
	other.IP(t, "link set "+others+" up")
}

// IP runs commands of ip(8).
func (ns Namespace) IP(t TB, commands ...string) {
	t.Helper()
	ns.RunWith(t, strings.Join(commands, "\n")+"\n", "ip", "-batch", "-")
}

// Sysctl sets a variable below net.
func (ns Namespace) Sysctl(t TB, name, value string) {
	t.Helper()
	if err := ns.TrySysctl(name, value); err != nil {
		t.Fatal(err)
	}
}

// TrySysctl is Sysctl for a variable that the kernel may not have.
func (ns Namespace) TrySysctl(name, value string) error {
	return ns.Do(func() error { return writeSysctl(name, value) })
}

// Load loads an nft script.
func (ns Namespace) Load(t TB, script string) {
	t.Helper()
	ns.RunWith(t, script, "nft", "-f", "-")
}

// Visitor is one of the client's strangers, with an address in each family.
func (l *Lab) Visitor(n byte) Visitor {
	v := Visitor{Namespace: l.Client, Router: LabHost}
	v.Addresses[0] = netip.AddrFrom4([4]byte{198, 51, 100, n})
	v.Addresses[1] = netip.MustParsePrefix("2001:db8:c::/64").Addr()
	b := v.Addresses[1].As16()
	b[15] = n
	v.Addresses[1] = netip.AddrFrom16(b)
	return v
}

// Insider is the inner host.
func (l *Lab) Insider() Visitor {
	return Visitor{Namespace: l.Inner, Addresses: LabInner, Router: labLAN}
}

// awaitWires waits until closed ports say so.
func (l *Lab) awaitWires(t TB) {
	t.Helper()
	const closed = 1
	deadline := time.Now().Add(bound)
	for _, v6 := range []bool{false, true} {
		for _, to := range []Addresses{LabHost, LabInner} {
			for {
				_, outcome := l.Visitor(1).Connect(t, to.Of(v6, closed))
				if outcome == Refused {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the wire to %v: %s", to.Of(v6, closed), outcome)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
}
