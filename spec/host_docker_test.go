package spec

import (
	"fmt"
	"net/netip"
	"testing"

	"example.org/knockc/internal/netns"
)

// containers are two of Docker's, on its bridge.
type containers struct {
	*testing.T
	*netns.Lab
	one, other netns.Visitor
	filtered   bool // what the bridge hands on meets the rules
}

var (
	bridge    = netns.Addresses{netip.MustParseAddr("172.17.0.1"), netip.MustParseAddr("fd00:d0c::1")}
	container = netns.Addresses{netip.MustParseAddr("172.17.0.2"), netip.MustParseAddr("fd00:d0c::2")}
	neighbour = netns.Addresses{netip.MustParseAddr("172.17.0.3"), netip.MustParseAddr("fd00:d0c::3")}
)

// newContainers gives a lab's host what Docker does: a bridge with two containers, and
// that iptables sees what the bridge hands on.
func newContainers(t *testing.T) *containers {
	l := netns.NewLab(t, "iptables-nft-restore", "ip6tables-nft-restore")
	l.Host.IP(t, "link add docker0 type bridge", "link set docker0 up",
		"address add 172.17.0.1/16 dev docker0", "address add fd00:d0c::1/64 dev docker0 nodad")
	c := &containers{T: t, Lab: l}
	for i, v := range []*netns.Visitor{&c.one, &c.other} {
		*v = netns.Visitor{Namespace: netns.NewNamespace(t), Router: bridge, Addresses: []netns.Addresses{container, neighbour}[i]}
		port := fmt.Sprintf("veth%d", i)
		l.Host.Wire(t, port, v.Namespace, "eth0")
		l.Host.IP(t, "link set "+port+" master docker0")
		v.IP(t, fmt.Sprintf("address add %v/16 dev eth0", v.Addresses[0]), fmt.Sprintf("address add %v/64 dev eth0 nodad", v.Addresses[1]),
			"route add default via 172.17.0.1", "route add default via fd00:d0c::1")
		for _, port := range []string{"22", "80", "7001", "9002", "8003", "8080"} {
			v.Serve(t, port)
		}
	}
	l.Host.Serve(t, "22")
	for _, port := range []string{"22", "80", "7001"} {
		l.Client.Serve(t, port)
	}
	c.filterBridge()
	c.awaitBridge()
	return c
}

// filterBridge has the bridge ask the rules, if the kernel can.
func (c *containers) filterBridge() {
	for _, name := range []string{"bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"} {
		if err := c.Host.TrySysctl(name, "1"); err != nil {
			c.Logf("this kernel has no br_netfilter, so what the bridge hands on meets no rules here: %v", err)
			return
		}
	}
	c.filtered = true
}

// awaitBridge waits until the bridge hands packets on.
func (c *containers) awaitBridge() {
	for _, v6 := range []bool{false, true} {
		for tries := 0; ; tries++ {
			_, o := c.one.Connect(c.T, neighbour.Of(v6, 1))
			if o == netns.Refused {
				break
			}
			if tries == 5000 {
				c.Fatalf("the wire between containers: %s", o)
			}
		}
	}
}

// docker loads Docker's rules.
func (c *containers) docker(t *testing.T) {
	t.Helper()
	c.Host.RunWith(t, readFile(t, "../testdata/docker/rules.v4"), "iptables-nft-restore", "-n")
	c.Host.RunWith(t, readFile(t, "../testdata/docker/rules.v6"), "ip6tables-nft-restore", "-n")
}

// TestDockerOnKernel: beside Docker's rules a published port is guarded, and containers
// are left alone.
func TestDockerOnKernel(t *testing.T) {
	c := newContainers(t)
	in := func(s situation) situation {
		shows := s.shows
		s.shows = func(h *house) {
			c.docker(h.T)
			shows(h)
		}
		return s
	}
	const web = "knock web < 7001 9002 8003 -> 8080 22 grant 1m reset any close 7003 7004 >\n"
	var situations []situation
	for name, settings := range map[string]string{"": "", ", default drop": "default drop\n"} {
		situations = append(situations,
			in(situation{"a published port opens by the knock" + name, settings + web, "", c.published}),
			in(situation{"a published port opens once" + name, settings + "knock web < 7001 9002 8003 -> 8080 grant 1m once >", "", func(h *house) {
				a := h.stranger()
				a.knocks(7001, 9002, 8003)
				a.connects(8080).goesOn()
				a.finds(netns.Silent, 8080)
			}}),
			in(situation{"a published port that no knock names is open" + name, settings + "knock ssh < 7001 9002 8003 -> 22 >", "", func(h *house) {
				h.stranger().finds(netns.Open, 8080)
			}}),
			in(situation{"containers reach one another" + name, settings + web, countBridged, c.reachOneAnother}),
			in(situation{"containers reach the world" + name, settings + web, "", c.reachTheWorld}),
			in(situation{"containers must knock at the host" + name, settings + web, "", c.knockAtTheHost}),
			in(situation{"broadcasts go over the bridge" + name, settings + web, "", c.broadcast}),
			in(situation{"broadcasts to guarded ports go over the bridge" + name, settings + "knock dhcp < 7001 9002 8003 -> udp/60-70 udp/547 >\n", "", c.broadcast}),
		)
	}
	inLab(t, c.Lab, situations)
}

func (c *containers) published(h *house) {
	a, b := h.stranger(), h.stranger()
	a.finds(netns.Silent, 8080)
	a.knocks(7001, 9002, 8003)
	b.finds(netns.Silent, 8080)
	conversation := a.connects(8080)
	conversation.goesOn()
	a.finds(netns.Open, 8080)
	a.knocks(7003, 7004)
	a.finds(netns.Silent, 8080)
	conversation.goesOn()
}

// countBridged counts what the bridge hands on, if it asks the rules.
const countBridged = `
table inet through {
	counter bridged { packets 0 bytes 0 }
	chain forward {
		type filter hook forward priority 100; policy accept;
		iifname "docker0" oifname "docker0" counter name "bridged"
	}
}
`

// reachOneAnother has containers that talk at ports of all kinds, a sequence among them.
func (c *containers) reachOneAnother(h *house) {
	one := guest{h, c.one}
	for _, port := range []uint16{22, 80, 8080, 7001, 9002, 8003} {
		one.findsAt(netns.Open, neighbour.Of(h.v6, port))
	}
	one.findsAt(netns.Refused, neighbour.Of(h.v6, 3000))
	if n := h.counter("web_steps"); n != 0 {
		h.Errorf("%d steps done by what went over the bridge", n)
	}
	n := countIn(h.T, h.Host.Run(h.T, "nft", "list", "counter", "inet", "through", "bridged"))
	if c.filtered && n == 0 {
		h.Error("the bridge does not ask the rules")
	}
}

func (c *containers) reachTheWorld(h *house) {
	one := guest{h, c.one}
	for _, port := range []uint16{22, 80, 7001} {
		one.findsAt(netns.Open, h.Visitor(250).Of(h.v6, port))
	}
	one.findsAt(netns.Refused, h.Visitor(250).Of(h.v6, 8080))
	if n := h.counter("web_steps"); n != 0 {
		h.Errorf("%d steps done by what went out", n)
	}
}

// knockAtTheHost has a container for which the host is a host like any other: there, a
// published port is the host's own.
func (c *containers) knockAtTheHost(h *house) {
	one := guest{h, c.one}
	for _, host := range []netns.Addresses{bridge, netns.LabHost} {
		one.findsAt(netns.Silent, host.Of(h.v6, 22))
		one.findsAt(netns.Silent, host.Of(h.v6, 8080))
	}
	for _, port := range []uint16{7001, 9002, 8003} {
		one.outcome(bridge.Of(h.v6, port))
	}
	one.findsAt(netns.Open, bridge.Of(h.v6, 22))
	guest{h, c.other}.findsAt(netns.Silent, bridge.Of(h.v6, 22))
}

// broadcast has a container that asks for an address, and another that might answer.
func (c *containers) broadcast(h *house) {
	c.other.Load(h.T, "flush ruleset\n"+`table inet knockc {
		counter seen { packets 0 bytes 0 }
		chain pre {
			type filter hook prerouting priority 0
			udp dport { 67, 547 } counter name "seen"
		}
	}`)
	c.one.Frame(h.T, "eth0", discover(h.v6))
	if n := countIn(h.T, c.other.Run(h.T, "nft", "list", "counter", "inet", "knockc", "seen")); n != 1 {
		h.Errorf("%d broadcasts came to the other container, want 1", n)
	}
}

// discover is what one sends who looks for a DHCP server.
func discover(v6 bool) []byte {
	if v6 {
		src, dst := netip.MustParseAddr("fe80::7"), netip.MustParseAddr("ff02::1:2")
		frame := []byte{0x33, 0x33, 0, 1, 0, 2, 2, 0, 0, 0, 0, 7, 0x86, 0xdd}
		return append(frame, datagram{src: netip.AddrPortFrom(src, 546), dst: netip.AddrPortFrom(dst, 547), data: []byte{1, 0, 0, 7}}.packet()...)
	}
	src, dst := netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255")
	frame := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7, 8, 0}
	return append(frame, datagram{src: netip.AddrPortFrom(src, 68), dst: netip.AddrPortFrom(dst, 67), data: make([]byte, 300)}.packet()...)
}
