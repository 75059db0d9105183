package spec

import (
	"strings"
	"testing"

	"example.org/knockc/internal/netns"

	"example.org/knockc/lang"
)

// countEstablished counts the SYNs that connection tracking calls established, before the
// guard sees them.
const countEstablished = `
table inet conntrack {
	counter established { packets 0 bytes 0 }
	chain before {
		type filter hook prerouting priority -150; policy accept;
		tcp flags & (fin | syn | rst | ack) == syn ct state established counter name "established"
	}
}
`

const (
	lasting  = "knock ssh < 10000 2345 3456 1234 -> 22 grant 1m close 7003 7004 >"
	onlyOnce = "knock ssh < 10000 2345 3456 1234 -> 22 grant 1m once close 7003 7004 >"
)

// doors are policies for the same services, and the ports that lead there.
var doors = map[string]struct {
	policy, more string
	port         uint16
}{
	"":               {lasting, "", 22},
	"once":           {onlyOnce, "", 22},
	"reject":         {"refuse reject\n" + lasting, "", 22},
	"default drop":   {"default drop\n" + onlyOnce, "", 22},
	"hook input":     {"hook input\n" + lasting, "", 22},
	"redirect":       {lasting, redirected, 2222},
	"redirect, once": {onlyOnce, redirected, 2222},
	"redirect away":  {"knock ssh < 10000 2345 3456 1234 -> 2222 grant 1m close 7003 7004 >", redirected, 2222},
}

// visit is a host with a policy and a client in conversation with a service of it, whose
// grant is over.
type visit struct {
	*caller
	policy string
}

// once reports whether a grant holds once.
func (v *visit) once() bool { return strings.Contains(v.policy, " once ") }

// knocks sends SYNs from other ports.
func (c *caller) knocks(ports ...uint16) {
	c.t.Helper()
	for _, port := range ports {
		s := segment{src: c.src, dst: callees.Of(c.src.Addr().Is6(), port), flags: lang.SYN, seq: 7}
		c.writes(s.packet())
	}
}

func (c *caller) opens() { c.t.Helper(); c.knocks(10000, 2345, 3456, 1234) }
func (c *caller) shuts() { c.t.Helper(); c.knocks(7003, 7004) }

// forEachDoor calls f with someone who has not knocked yet, in each family.
func forEachDoor(t *testing.T, f func(v *visit)) {
	for name, d := range doors {
		for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
			t.Run(family+" "+name, func(t *testing.T) {
				t.Parallel()
				h, _ := edgeHost(t, d.policy, d.more+countEstablished)
				serveCallers(t, h, 22)
				c := newCaller(t, h, v6, 40001, d.port)
				if c.asks() {
					t.Fatal("open without a knock")
				}
				f(&visit{c, d.policy})
			})
		}
	}
}

// attacks are ways to end a connection at the host alone, in part or as a whole. Each ends
// with a SYN that may not get in.
var attacks = map[string]func(c *caller){
	"none": func(c *caller) {},
	"a RST": func(c *caller) {
		c.sends(lang.RST, 0, "")
	},
	"a RST at what conntrack does not expect": func(c *caller) {
		c.says("quiet") // the host has not acknowledged it
		c.sends(lang.ACK, -len("quiet"), "")
		c.sends(lang.RST, 0, "")
	},
	"several of those": func(c *caller) {
		for range 4 {
			c.says("quiet")
		}
		c.says("quiet")
		c.sends(lang.ACK, -len("quiet"), "")
		c.sends(lang.RST, 0, "")
	},
	"a RST somewhere in the window": func(c *caller) {
		c.sends(lang.RST, 100, "")
		c.sends(lang.RST, 0, "")
	},
	"a RST with ACK": func(c *caller) {
		c.sends(lang.RST|lang.ACK, 0, "")
	},
	"the service closes, the client does not": func(c *caller) {
		c.says("bye")
		c.awaits("FIN", func(s segment) bool { return s.flags&lang.FIN != 0 })
		c.sends(lang.ACK, 0, "")
		c.sends(lang.ACK, 0, "")
	},
	"the client closes, the service does not": func(c *caller) {
		c.says("stay")
		c.sends(lang.FIN|lang.ACK, 0, "")
		c.seq++
	},
	"both close": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "")
		c.seq++
		c.awaits("FIN", func(s segment) bool { return s.flags&lang.FIN != 0 })
		c.sends(lang.ACK, 0, "")
	},
	"both close, then a RST": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "")
		c.seq++
		c.awaits("FIN", func(s segment) bool { return s.flags&lang.FIN != 0 })
		c.sends(lang.ACK, 0, "")
		c.sends(lang.RST, 0, "")
	},
}

// TestStaleConnectionOnKernel: a SYN on the five-tuple of a connection that is over, for
// the host or for nobody, gets in by a grant alone.
func TestStaleConnectionOnKernel(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			forEachDoor(t, func(v *visit) {
				v.opens()
				v.shakesHands()
				v.shuts()
				attack(v.caller)
				v.triesAgain()
			})
		})
	}
}

// triesAgain sends SYNs that must not get in.
func (v *visit) triesAgain() {
	v.t.Helper()
	before := counterOf(v.t, v.h, "through", "accepted")
	v.heard = nil
	const tries = 3
	for n := range uint32(tries) {
		v.seq = 900000 * n
		v.sends(lang.SYN, 0, "")
	}
	established := counterOf(v.t, v.h, "conntrack", "established")
	v.t.Logf("connection tracking called %d of %d SYNs established", established, tries)
	for _, flags := range v.answer() {
		if flags == lang.SYN|lang.ACK || flags&lang.RST != 0 && established == tries {
			v.t.Errorf("a SYN was answered with %v", flags)
		}
	}
	if n := counterOf(v.t, v.h, "through", "accepted"); n != before {
		v.t.Errorf("%d SYNs got past the guard", n-before)
	}
}

// TestStaleConnectionControlOnKernel tells which of the attacks get in where connections
// that exist are accepted, SYNs and all, as most firewalls do.
func TestStaleConnectionControlOnKernel(t *testing.T) {
	const usual = countAccepted + `
table inet usual {
	set granted {
		type inet_service
		elements = { 22 }
	}
	chain input {
		type filter hook input priority -10; policy accept;
		ct state established,related accept
		tcp dport 22 tcp dport != @granted drop
	}
}
`
	var worked []string
	for name, attack := range attacks {
		h := netns.New(t, "eth0")
		if err := h.Load(usual); err != nil {
			t.Fatal(err)
		}
		serveCallers(t, h, 22)
		c := newCaller(t, h, false, 40001, 22)
		c.shakesHands()
		if _, err := h.Nft("flush", "set", "inet", "usual", "granted"); err != nil {
			t.Fatal(err)
		}
		attack(c)
		c.seq = 900000
		if c.asks() {
			worked = append(worked, name)
		}
	}
	t.Logf("%d of %d attacks get in by a usual rule: %q", len(worked), len(attacks), worked)
}
