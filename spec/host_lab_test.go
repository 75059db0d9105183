package spec

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"

	"example.org/knockc/internal/netns"
)

// house is the host of a lab, in one family, with a policy.
type house struct {
	*testing.T
	*netns.Lab
	v6       bool
	visitors *byte // that have been here
}

// situation is a policy beside what else a host has loaded, and what is then so.
type situation struct {
	name   string
	policy string
	more   string // nft text
	shows  func(h *house)
}

// inLab shows situations in a lab, one after the other in each family.
func inLab(t *testing.T, l *netns.Lab, situations []situation) {
	t.Helper()
	var visitors byte
	for _, s := range situations {
		for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
			t.Run(s.name+" "+family, func(t *testing.T) {
				h := &house{t, l, v6, &visitors}
				h.load(s.policy, s.more)
				s.shows(h)
			})
		}
	}
}

// load loads a policy and more text, and nothing else remains.
func (h *house) load(policy, more string) {
	h.Helper()
	p, err := newPair("policy", policy, nil)
	if err != nil {
		h.Fatal(err)
	}
	h.Host.Load(h.T, "flush ruleset\n"+more+script(h.T, p.result))
}

// counter is how many packets a counter of the policy has counted.
func (h *house) counter(name string) int {
	h.Helper()
	return countIn(h.T, h.Host.Run(h.T, "nft", "list", "counter", "inet", "knockc", name))
}

// guest is a visitor in the house's family.
type guest struct {
	*house
	netns.Visitor
}

// stranger is someone who has not been here before.
func (h *house) stranger() guest {
	*h.visitors++
	return guest{h, h.Visitor(*h.visitors)}
}

// client is the client under its own name.
func (h *house) client() guest {
	v := h.Visitor(0)
	v.Addresses = netns.Addresses{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}
	return guest{h, v}
}

// insider is the inner host.
func (h *house) insider() guest { return guest{h, h.Lab.Insider()} }

// knocks sends SYNs to closed ports of the host.
func (g guest) knocks(ports ...uint16) {
	g.T.Helper()
	for _, port := range ports {
		if g.outcome(netns.LabHost.Of(g.v6, port)) == netns.Open {
			g.Errorf("%d: somebody listens at a step", port)
		}
	}
}

func (g guest) outcome(to netip.AddrPort) netns.Outcome {
	g.T.Helper()
	c, o := g.Connect(g.T, to)
	if c != nil {
		c.Close()
	}
	return o
}

// finds looks what becomes of attempts at the host's ports.
func (g guest) finds(want netns.Outcome, ports ...uint16) {
	g.T.Helper()
	for _, port := range ports {
		g.findsAt(want, netns.LabHost.Of(g.v6, port))
	}
}

func (g guest) findsAt(want netns.Outcome, to netip.AddrPort) {
	g.T.Helper()
	if o := g.outcome(to); o != want {
		g.Errorf("%v: %s, want %s", to, o, want)
	}
}

// connects is a connection to the host that must come about.
func (g guest) connects(port uint16) conversation {
	g.T.Helper()
	c, o := g.Connect(g.T, netns.LabHost.Of(g.v6, port))
	if o != netns.Open {
		g.Fatalf("%d: %s, want %s", port, o, netns.Open)
	}
	return conversation{g.T, c}
}

// conversation is a connection to somebody who echoes.
type conversation struct {
	t *testing.T
	net.Conn
}

// goesOn sends something and receives it.
func (c conversation) goesOn() {
	c.t.Helper()
	const words = "are you still there?"
	fmt.Fprint(c, words)
	b := make([]byte, len(words))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != words {
		c.t.Errorf("received %q: %v", b, err)
	}
}

// sends sends a datagram to a port of the host, and looks whether it has come.
func (g guest) sends(m netns.Mailbox, port uint16, comes bool) {
	g.T.Helper()
	g.sendsAt(m, netns.LabHost.Of(g.v6, port), comes)
}

func (g guest) sendsAt(m netns.Mailbox, to netip.AddrPort, comes bool) {
	g.T.Helper()
	want := 0
	if comes {
		want = 1
	}
	g.Datagram(g.T, to)
	if n := m.Take(g.T); n != want {
		g.Errorf("udp %v: %d datagrams came, want %d", to, n, want)
	}
}
