package spec

import (
	"testing"
	"time"

	"example.org/knockc/lang"
)

// unassured are connections in which the client never acknowledges without a FIN, so that
// connection tracking does not take their handshake for done.
var unassured = map[string]func(c *caller){
	"FIN at once":           func(c *caller) { c.sends(lang.FIN|lang.ACK, 0, "") },
	"FIN with data at once": func(c *caller) { c.sends(lang.FIN|lang.ACK, 0, "quiet") },
	"FIN, RST":              func(c *caller) { c.sends(lang.FIN|lang.ACK, 0, ""); c.sends(lang.RST, 1, "") },
	"FIN with data, RST": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "quiet")
		c.sends(lang.FIN|lang.ACK, 0, "quiet")
		c.sends(lang.RST, len("quiet")+1, "")
	},
	"RST": func(c *caller) { c.sends(lang.RST, 0, "") },
	"both close": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "")
		c.mayHearFIN()
		c.sends(lang.FIN|lang.ACK, 0, "")
	},
	"both close after a request": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "quiet")
		c.mayHearFIN()
		c.sends(lang.FIN|lang.ACK, 0, "quiet")
	},
	"both close, RST": func(c *caller) {
		c.sends(lang.FIN|lang.ACK, 0, "")
		c.mayHearFIN()
		c.sends(lang.RST, 1, "")
	},
}

// mayHearFIN follows the conversation for a moment. If the guard holds, there is nothing
// to hear.
func (c *caller) mayHearFIN() {
	c.t.Helper()
	for range 100 {
		c.keep(c.h.Packets())
		for _, s := range c.heard {
			c.follows(s)
			if s.flags&lang.FIN != 0 {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// TestUnassuredConnectionOnKernel: a SYN in such a connection begins no other.
func TestUnassuredConnectionOnKernel(t *testing.T) {
	for name, attack := range unassured {
		t.Run(name, func(t *testing.T) {
			forEachDoor(t, func(v *visit) {
				v.opens()
				v.begins()
				v.shuts()
				attack(v.caller)
				for n := range uint32(3) {
					v.seq = 900000 * (n + 1)
					if v.asks() {
						v.t.Errorf("the host agrees to a connection without a grant")
					}
				}
			})
		})
	}
}

// TestUnassuredConnectionBesideOtherOnKernel: nor does one that the same port has to another
// service, by a grant, help.
func TestUnassuredConnectionBesideOtherOnKernel(t *testing.T) {
	for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(family, func(t *testing.T) {
			h, _ := edgeHost(t, "knock ssh < 7001 7002 -> 22 grant 1m once >\nknock web < 7003 7004 -> 80 grant 1h >", "")
			serveCallers(t, h, 22)
			serveCallers(t, h, 80)
			ssh, web := newCaller(t, h, v6, 40001, 22), newCaller(t, h, v6, 40001, 80)
			ssh.knocks(7001, 7002, 7003, 7004)
			if !ssh.asks() {
				t.Fatal("the door is shut")
			}
			ssh.sends(lang.FIN|lang.ACK, 0, "")
			ssh.mayHearFIN()
			ssh.sends(lang.FIN|lang.ACK, 0, "")
			if !web.asks() {
				t.Fatal("the other door is shut")
			}
			ssh.seq = 900000
			if ssh.asks() {
				t.Error("the host agrees to a connection without a grant")
			}
		})
	}
}
