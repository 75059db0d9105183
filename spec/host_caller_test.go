package spec

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// patience is how long to wait for what must come. It decides nothing.
const patience = time.Minute

// caller is a TCP client who sends whatever segments he likes to a host.
type caller struct {
	t        *testing.T
	h        *netns.Host
	src, dst netip.AddrPort
	seq, ack uint32    // what comes next, from here and from there
	heard    []segment // and not looked at yet
}

// callees are the host's addresses, by family, and callers others.
var (
	callees = netns.Addresses{netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("fd00:6b6e::1")}
	callers = netns.Addresses{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}
)

// newCaller is one who calls a port of the host.
func newCaller(t *testing.T, h *netns.Host, v6 bool, from, to uint16) *caller {
	return &caller{t: t, h: h, src: callers.Of(v6, from), dst: callees.Of(v6, to), seq: 1000}
}

// writes gives the host a packet, and keeps what comes back.
func (c *caller) writes(packet []byte) {
	c.t.Helper()
	packets, err := c.h.Write("eth0", packet)
	c.keep(packets, err)
}

func (c *caller) keep(packets [][]byte, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range packets {
		if s, ok := readSegment(p); ok && s.src == c.dst && s.dst == c.src {
			c.heard = append(c.heard, s)
		}
	}
}

// sends sends a segment at an offset from where he is in the conversation.
func (c *caller) sends(flags lang.Flags, offset int, data string) {
	c.t.Helper()
	s := segment{src: c.src, dst: c.dst, flags: flags, seq: c.seq + uint32(offset), data: []byte(data)}
	if flags&lang.ACK != 0 {
		s.ack = c.ack
	}
	c.writes(s.packet())
}

// says sends data, which the host may acknowledge when it likes.
func (c *caller) says(words string) {
	c.t.Helper()
	c.sends(lang.PSH|lang.ACK, 0, words)
	c.seq += uint32(len(words))
}

// answer is what the host has answered with by now: the flags of its segments.
func (c *caller) answer() (flags []lang.Flags) {
	for _, s := range c.heard {
		flags = append(flags, s.flags)
	}
	c.heard = nil
	return flags
}

// awaits waits for a segment, and follows the conversation so far.
func (c *caller) awaits(what string, is func(segment) bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		for i, s := range c.heard {
			c.follows(s)
			if is(s) {
				c.heard = c.heard[i+1:]
				return
			}
		}
		c.heard = nil
		if time.Now().After(deadline) {
			c.t.Fatalf("%v -> %v: no %s", c.src, c.dst, what)
		}
		time.Sleep(time.Millisecond)
		c.keep(c.h.Packets())
	}
}

// follows has heard a segment.
func (c *caller) follows(s segment) {
	next := s.seq + uint32(len(s.data))
	if s.flags&lang.FIN != 0 {
		next++
	}
	if int32(next-c.ack) > 0 {
		c.ack = next
	}
}

func (c *caller) awaitsWords(words string) {
	c.t.Helper()
	c.awaits(fmt.Sprintf("%q", words), func(s segment) bool { return string(s.data) == words })
}

// asks sends a SYN and reports whether the host agrees.
func (c *caller) asks() bool {
	c.t.Helper()
	c.heard = nil
	c.sends(lang.SYN, -1, "")
	for _, s := range c.heard {
		if s.flags == lang.SYN|lang.ACK {
			c.ack = s.seq + 1
			return true
		}
	}
	return false
}

// shakesHands begins a conversation with somebody who says hello.
func (c *caller) shakesHands() {
	c.t.Helper()
	if !c.asks() {
		c.t.Fatalf("%v -> %v: the host does not agree", c.src, c.dst)
	}
	c.sends(lang.ACK, 0, "")
	c.greeted()
}

// greeted is the conversation after a handshake.
func (c *caller) greeted() {
	c.t.Helper()
	c.awaitsWords("hello")
	c.sends(lang.ACK, 0, "")
	c.goesOn()
}

// goesOn says something and hears it again.
func (c *caller) goesOn() {
	c.t.Helper()
	c.says("alive?")
	c.awaitsWords("alive?")
	c.sends(lang.ACK, 0, "")
}

// serveCallers answers at a port of a host: with hello, then with what it hears, as long
// as that is no word that it obeys: quiet, stay, bye.
func serveCallers(t *testing.T, h *netns.Host, port uint16) {
	t.Helper()
	var l net.Listener
	err := h.Do(func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() {
		close(over)
		l.Close()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go converse(c, over)
		}
	}()
}

func converse(c net.Conn, over chan struct{}) {
	defer c.Close()
	c.Write([]byte("hello"))
	b := make([]byte, 64)
	for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
		switch string(b[:n]) {
		case "quiet":
		case "stay":
			<-over
		case "bye":
			return
		default:
			c.Write(b[:n])
		}
	}
}
