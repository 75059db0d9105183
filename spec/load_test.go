package spec

import (
	"flag"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

var loadSources = flag.Int("sources", 50_000, "how many forged sources TestLoadOnKernel has for each policy")

const (
	loadService = 2022
	loadBatch   = 250 // forged packets between two looks at the others
)

// loads are floods with one policy each. Nothing ends while the test runs, unless `within`
// is short: then it depends on the machine how many true knocks are refused.
var loads = []struct {
	name, policy string // with %d for a size that holds everyone
	mayRefuse    func(refused, clients int) bool
}{
	{"sets of the usual size", "knock ssh < 1001 1003 1002 -> 2022 udp/2022 within 5s grant 1d >",
		func(int, int) bool { return true }},
	{"sets of the usual size, within 1h", "knock ssh < 1001 1003 1002 -> 2022 udp/2022 within 1h grant 1d >",
		func(refused, clients int) bool { return refused < clients }},
	{"sets that hold everyone", "size %d knock ssh < 1001 1003 1002 -> 2022 udp/2022 within 1h grant 1d >",
		func(refused, _ int) bool { return refused == 0 }},
	{"hook input, default drop", "size %d hook input default drop knock ssh < 1001 1003 1002 -> 2022 udp/2022 within 1h grant 1d reset any >",
		func(refused, _ int) bool { return refused == 0 }},
}

// TestLoadOnKernel floods a host from forged sources, each of which sends one packet: to a
// step, a guarded port or another one. Meanwhile sources with an open door use it all the
// time, true clients knock one after the other, and strangers try the door.
func TestLoadOnKernel(t *testing.T) {
	for _, l := range loads {
		t.Run(l.name, func(t *testing.T) {
			policy := l.policy
			if policy[0] == 's' {
				policy = fmt.Sprintf(policy, 2**loadSources+1000)
			}
			c := newCrowd(t, policy)
			begin := time.Now()
			c.flood(*loadSources)
			rate := float64(c.forged) / time.Since(begin).Seconds()
			for _, in := range c.inside {
				c.uses(in)
			}
			t.Logf("%d forged sources, %.0f packets a second with all others; %d uses of open doors, %d lost; "+
				"%d strangers, %d got in; %d true knocks, %d refused", c.forged, rate, c.used, c.lost, c.tried, c.leaks, c.clients, c.refused)
			if c.lost > 0 || c.leaks > 0 {
				t.Error("a flood ends grants or opens doors")
			}
			if !l.mayRefuse(c.refused, c.clients) {
				t.Error("too many true knocks are refused")
			}
		})
	}
}

// crowd is who is at a host during a flood.
type crowd struct {
	*testing.T
	*netns.Host
	holders []netns.Packet // of connections since before the flood
	inside  []netip.Addr   // with an open door

	forged, used, lost, tried, leaks, clients, refused int
}

func newCrowd(t *testing.T, policy string) *crowd {
	t.Helper()
	r := newReloader(t)
	r.load(policy)
	if err := r.Listen(netns.TCP, loadService); err != nil {
		t.Fatal(err)
	}
	c := &crowd{T: t, Host: r.Host}
	for n := range uint32(4) {
		src := either(192, n)
		if !c.knocks(src) {
			t.Fatal("nobody gets in before the flood")
		}
		c.inside = append(c.inside, src)
	}
	if err := c.ForgetFlows(); err != nil {
		t.Fatal(err)
	}
	for _, src := range c.inside {
		p := netns.Packet{Src: src, SrcPort: 999, Proto: netns.TCP, DstPort: loadService, Flags: netns.SYN}
		begun := c.accepts(p)
		if p.Flags = netns.ACK; !begun || !c.accepts(p) {
			t.Fatalf("%v has no connection before the flood", src)
		}
		c.holders = append(c.holders, p)
	}
	return c
}

// either is one of many sources, of one family or the other. Those of IPv6 are in networks
// of their own.
func either(block byte, n uint32) netip.Addr {
	if n%2 == 0 {
		return numbered(block, n)
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, block, byte(n >> 16), byte(n >> 8), byte(n), 15: 1})
}

// flood sends a packet from each of many forged sources.
func (c *crowd) flood(sources int) {
	c.Helper()
	for c.forged < sources {
		n, err := c.Flood(func(yield func(netns.Packet) bool) {
			for i := c.forged; i < min(sources, c.forged+loadBatch); i++ {
				if !yield(forgedPacket(uint32(i))) {
					return
				}
			}
		})
		if err != nil {
			c.Fatal(err)
		}
		c.forged += n
		c.others()
	}
}

// forgedPacket is what a forged source sends: three of eight send a first step.
func forgedPacket(n uint32) netns.Packet {
	p := netns.Packet{Src: either(100, n), SrcPort: 1024, Proto: netns.TCP, Flags: netns.SYN, DstPort: 1001}
	switch n / 2 % 8 {
	case 0:
		p.DstPort = 1003
	case 1:
		p.DstPort = 1002
	case 2:
		p.DstPort = loadService
	case 3:
		p.DstPort, p.Proto, p.Flags = loadService, netns.UDP, 0
	case 4:
		p.DstPort = uint16(n)
	}
	return p
}

// others do what they do once between two parts of the flood.
func (c *crowd) others() {
	c.Helper()
	for _, p := range c.holders {
		c.used++
		if !c.accepts(p) {
			c.lost++
		}
		c.uses(p.Src)
	}
	c.strangers()
	n := uint32(c.clients)
	c.clients++
	if src := either(193, n); c.knocks(src) {
		c.inside = append(c.inside, src)
	} else {
		c.refused++
	}
}

// uses makes a new connection through an open door.
func (c *crowd) uses(src netip.Addr) {
	c.Helper()
	c.used++
	if !c.accepts(netns.Packet{Src: src, Proto: netns.TCP, DstPort: loadService, Flags: netns.SYN}) {
		c.lost++
	}
}

// strangers try the door with several packets, and with two of the three steps.
func (c *crowd) strangers() {
	c.Helper()
	n := uint32(c.tried)
	for i, p := range []netns.Packet{
		{Flags: netns.SYN, Proto: netns.TCP}, {Flags: netns.ACK, Proto: netns.TCP}, {Flags: netns.SYN | netns.ACK, Proto: netns.TCP}, {Proto: netns.UDP},
		{Flags: netns.SYN, Proto: netns.TCP},
	} {
		if p.Src, p.DstPort = either(194, n), loadService; i == 4 {
			c.steps(p.Src, 1001, 1002)
		}
		c.tried++
		if c.accepts(p) {
			c.leaks++
		}
	}
}

// knocks sends the true sequence, and reports whether that opens the door.
func (c *crowd) knocks(src netip.Addr) bool {
	c.Helper()
	c.steps(src, 1001, 1003, 1002)
	return c.accepts(netns.Packet{Src: src, Proto: netns.TCP, DstPort: loadService, Flags: netns.SYN})
}

func (c *crowd) steps(src netip.Addr, ports ...uint16) {
	c.Helper()
	for _, port := range ports {
		c.accepts(netns.Packet{Src: src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
	}
}

func (c *crowd) accepts(p netns.Packet) bool {
	c.Helper()
	r, err := c.Send(p)
	if err != nil {
		c.Fatal(err)
	}
	return r.Accepted
}
