package spec

import (
	"net/netip"
	"testing"

	"example.org/knockc/internal/netns"
)

// trackingPolicies are the same knock with each hook and default.
var trackingPolicies = []string{
	"hook prerouting",
	"hook prerouting default drop open udp/53",
	"hook input",
	"hook input default drop open udp/53",
}

// forEachTracking loads these policies over each other.
func (c *crowd) forEachTracking(f func(t *testing.T, c *crowd)) {
	for _, settings := range trackingPolicies {
		c.Run(settings, func(t *testing.T) {
			reloader{t, c.Host}.load(settings + " " + trackingKnock)
			f(t, &crowd{T: t, Host: c.Host, holders: c.holders, inside: c.inside})
		})
	}
}

const trackingKnock = "knock ssh < 1001 1003 1002 -> 2022 udp/2022 within 1h grant 1d >"

// TestFullTrackingOnKernel fills the kernel's table of connections with some that it does
// not give up. Until there is room again, no connection begins, neither through an open door
// nor after a knock. Those that there are go on, strangers stay out, and no grant is lost.
func TestFullTrackingOnKernel(t *testing.T) {
	all := newCrowd(t, trackingKnock)
	n, err := all.FillFlows()
	if err != nil {
		t.Fatal(err)
	}
	all.forEachTracking(func(t *testing.T, c *crowd) {
		c.holdersGoOn()
		for n := range uint32(100) {
			if src := either(195, n); c.knocks(src) {
				t.Errorf("%v gets in with a knock", src)
			}
			c.strangers()
		}
		for _, src := range c.inside {
			c.uses(src)
		}
		if c.lost != c.used || c.leaks > 0 {
			t.Errorf("of %d new connections through an open door, %d are refused; of %d strangers, %d get in", c.used, c.lost, c.tried, c.leaks)
		}
		t.Logf("full with %d connections: %d of %d new ones through an open door refused, all 100 knocks refused, those of before go on; "+
			"%d strangers, %d got in", n, c.lost, c.used, c.tried, c.leaks)
	})
	if err := all.ForgetFlows(); err != nil {
		t.Fatal(err)
	}
	all.forEachTracking(func(t *testing.T, c *crowd) {
		for _, src := range c.inside {
			c.uses(src)
		}
		if c.lost > 0 {
			t.Errorf("%d grants are lost", c.lost)
		}
		if !c.knocks(either(196, 1)) {
			t.Error("nobody gets in when there is room again")
		}
	})
}

// TestForgedTrackingOnKernel fills the table with forged datagrams that nobody answers. The
// kernel gives such connections up for new ones, so nearly everyone gets in all the same.
func TestForgedTrackingOnKernel(t *testing.T) {
	all := newCrowd(t, trackingKnock)
	if err := all.Listen(netns.UDP, 53); err != nil {
		t.Fatal(err)
	}
	_, most, err := all.Flows()
	if err != nil {
		t.Fatal(err)
	}
	forged := 0
	forge := func(n int) {
		_, err := all.Flood(func(yield func(netns.Packet) bool) {
			for range n {
				p := netns.Packet{Src: either(100, uint32(forged)), SrcPort: 1024, Proto: netns.UDP, DstPort: 53}
				if forged++; !yield(p) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	forge(most)
	all.forEachTracking(func(t *testing.T, c *crowd) {
		n, _, err := c.Flows()
		if err != nil {
			t.Fatal(err)
		}
		cut := 0
		for i := range 100 {
			c.clients++
			if !c.knocks(either(195, uint32(i))) {
				c.refused++
			}
			if !c.begins(c.inside[i%len(c.inside)], func() { forge(500) }) {
				cut++
			}
			c.strangers()
		}
		c.holdersGoOn()
		t.Logf("%d of %d connections, nearly all forged: %d of %d true knocks refused, %d of 100 connections through an open door cut as they began; "+
			"%d strangers, %d got in", n, most, c.refused, c.clients, cut, c.tried, c.leaks)
		if c.leaks > 0 {
			t.Error("a stranger gets in")
		}
		if n < most/2 {
			t.Error("the table is not full")
		}
	})
}

// holdersGoOn looks at the connections from before.
func (c *crowd) holdersGoOn() {
	c.Helper()
	for _, p := range c.holders {
		if !c.accepts(p) {
			c.Errorf("the connection of %v is cut", p.Src)
		}
	}
}

// begins makes a connection through an open door, with something between its SYN and ACK,
// and reports whether that works.
func (c *crowd) begins(src netip.Addr, between func()) bool {
	c.Helper()
	p := netns.Packet{Src: src, Proto: netns.TCP, DstPort: loadService, Flags: netns.SYN}
	p.SrcPort = uint16(30000 + c.clients)
	begun := c.accepts(p)
	between()
	p.Flags = netns.ACK
	return begun && c.accepts(p)
}
