package spec

import (
	"os"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/lang"
)

// goodConduct is what honest clients do, and must go on working.
var goodConduct = map[string]func(v *visit){
	"a SYN sent again": func(v *visit) {
		v.opens()
		v.begins()
		if v.asks() == v.once() {
			v.t.Errorf("a SYN that is sent again gets in: %v", !v.once())
		}
		v.isAnsweredAgain()
	},
	"a SYN sent again when the grant is over": func(v *visit) {
		v.opens()
		v.begins()
		v.shuts()
		if v.asks() {
			v.t.Error("a SYN gets in without a grant")
		}
		v.isAnsweredAgain()
	},
	"the last part of the handshake is lost": func(v *visit) {
		v.opens()
		v.begins()
		v.says("alive?") // and acknowledges
		v.awaitsWords("alive?")
		v.shuts()
		v.goesOn()
	},
	"data when the grant is over": func(v *visit) {
		v.opens()
		v.shakesHands()
		v.shuts()
		for range 3 {
			v.goesOn()
		}
	},
	"keepalives when the grant is over": func(v *visit) {
		v.opens()
		v.shakesHands()
		v.shuts()
		v.sends(lang.ACK, -1, "")
		v.awaits("answer to a keepalive", func(s segment) bool { return s.flags == lang.ACK && s.ack == v.seq })
		v.goesOn()
	},
	"half closed, the service goes on": func(v *visit) {
		v.opens()
		v.shakesHands()
		v.shuts()
		v.says("stay")
		v.sends(lang.FIN|lang.ACK, 0, "")
		v.seq++
		v.awaits("answer to a FIN", func(s segment) bool { return s.ack == v.seq })
	},
	"closed, and again from the same port": func(v *visit) {
		v.opens()
		v.shakesHands()
		v.closes()
		if v.once() {
			v.opens()
		}
		v.seq = 500000
		v.shakesHands()
	},
	"closed by the service, and again from the same port": func(v *visit) {
		v.opens()
		v.shakesHands()
		v.says("bye")
		v.awaits("FIN", func(s segment) bool { return s.flags&lang.FIN != 0 })
		v.sends(lang.FIN|lang.ACK, 0, "")
		v.seq += 500000
		if v.once() {
			v.opens()
		}
		v.shakesHands()
	},
	"the client has lost all memory, and comes again from the same port": func(v *visit) {
		v.opens()
		v.shakesHands()
		if v.once() {
			v.opens()
		}
		v.seq += 500000
		v.sends(lang.SYN, -1, "")
		if got := v.answer(); !slices.Equal(got, []lang.Flags{lang.ACK}) { // RFC 9293 3.10.7.4
			v.t.Fatalf("the host answered with %v", got)
		}
		v.sends(lang.RST, -500000, "")
		if v.once() {
			v.opens()
		}
		v.shakesHands()
	},
}

// begins sends the first SYN, and the host agrees.
func (v *visit) begins() {
	v.t.Helper()
	if !v.asks() {
		v.t.Fatal("a SYN does not get in")
	}
}

// isAnsweredAgain is what becomes of a client who has lost the host's answer: the host
// sends it again, though no other SYN gets in.
func (v *visit) isAnsweredAgain() {
	v.t.Helper()
	v.awaits("SYN/ACK", func(s segment) bool { return s.flags == lang.SYN|lang.ACK })
	v.sends(lang.ACK, 0, "")
	v.greeted()
}

// closes says good-bye as a client does who is through.
func (c *caller) closes() {
	c.t.Helper()
	c.sends(lang.FIN|lang.ACK, 0, "")
	c.seq++
	c.awaits("FIN", func(s segment) bool { return s.flags&lang.FIN != 0 })
	c.sends(lang.ACK, 0, "")
}

// TestLivingConnectionOnKernel: what honest clients do works, also when the grant is over.
func TestLivingConnectionOnKernel(t *testing.T) {
	for name, conduct := range goodConduct {
		t.Run(name, func(t *testing.T) { forEachDoor(t, conduct) })
	}
}

// TestForgedSYNOnKernel: a SYN that somebody forges on a living connection, which holds no
// grant, is dropped and not answered; the connection lives on.
func TestForgedSYNOnKernel(t *testing.T) {
	forEachDoor(t, func(v *visit) {
		v.opens()
		v.shakesHands()
		v.shuts()
		for _, flags := range []lang.Flags{lang.SYN, lang.SYN | lang.PSH, lang.SYN | lang.URG, lang.SYN | 0xc0} {
			for _, offset := range []int{-1, 0, 1, -1000, 1000, 1 << 30} {
				v.heard = nil
				v.sends(flags, offset, "")
				if got := v.answer(); len(got) > 0 {
					v.t.Errorf("a SYN at %d was answered with %v", offset, got)
				}
			}
		}
		if n := counterOf(v.t, v.h, "conntrack", "established"); n == 0 {
			v.t.Error("none of the SYNs was part of the connection")
		}
		v.goesOn()
	})
}

// TestForgedSegmentOnKernel: nor is any other segment that makes no sense there answered
// by the guard.
func TestForgedSegmentOnKernel(t *testing.T) {
	forEachDoor(t, func(v *visit) {
		if v.dst.Port() == 2222 && strings.Contains(v.policy, "-> 22 ") {
			return // connection tracking does not translate it, and nobody guards 2222
		}
		v.opens()
		v.shakesHands()
		v.shuts()
		for _, flags := range []lang.Flags{0, lang.FIN, lang.SYN | lang.FIN, lang.SYN | lang.FIN | lang.ACK, lang.SYN | lang.RST | lang.ACK, lang.FIN | lang.PSH | lang.URG, 0xff} {
			v.heard = nil
			v.sends(flags, 0, "")
			if got := v.answer(); len(got) > 0 {
				v.t.Errorf("%v was answered with %v", flags, got)
			}
		}
		v.goesOn()
	})
}

// TestSYNCookiesOnKernel: a host that answers with cookies does not answer again by itself.
func TestSYNCookiesOnKernel(t *testing.T) {
	h, _ := edgeHost(t, onlyOnce, "")
	if err := h.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/tcp_syncookies", []byte("2"), 0)
	}); err != nil {
		t.Fatal(err)
	}
	serveCallers(t, h, 22)
	c := newCaller(t, h, false, 40001, 22)
	c.opens()
	if !c.asks() { // and the answer is lost
		t.Fatal("a SYN does not get in")
	}
	if c.asks() {
		t.Error("a SYN gets in without a grant")
	}
	c.opens()
	c.shakesHands()
}
