package seeded

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Packet is a SYN of a source.
type Packet struct {
	At   time.Duration
	Src  [4]byte
	Port uint16
}

// traffic is what a host with the knocks of [Policy] may get: 10,000 packets a second,
// at any time of 5,000 sources, of which new ones come and old ones go. One source in
// ten goes through sequences and visits the services; the others try any port.
type traffic struct {
	rand     *rand.Rand
	knocks   [][]uint16 // the steps of each, and its service
	knockers uint32     // one source in so many
	sent     uint32
	source   uint32
	sequence []uint16 // that the source is about to send
}

func newTraffic(knocks int) *traffic {
	t := &traffic{rand: rand.New(rand.NewPCG(2, 3)), knockers: 10}
	eachKnock(knocks, func(steps [4]uint16, service uint16) {
		t.knocks = append(t.knocks, append(steps[:], service))
	})
	return t
}

// newKnockers is the traffic of sources that all knock.
func newKnockers(knocks int) *traffic {
	t := newTraffic(knocks)
	t.knockers = 1
	return t
}

func (t *traffic) next() Packet {
	if len(t.sequence) == 0 {
		t.source = t.sent/100 + uint32(t.rand.IntN(5000))
		if t.source%t.knockers == 0 {
			t.sequence = t.knocks[t.rand.IntN(len(t.knocks))]
		} else {
			t.sequence = []uint16{uint16(1 + t.rand.IntN(65535))}
		}
	}
	p := Packet{At: time.Duration(t.sent) * 100 * time.Microsecond, Port: t.sequence[0]}
	p.Src = [4]byte{10, byte(t.source >> 16), byte(t.source >> 8), byte(t.source)}
	t.sequence = t.sequence[1:]
	t.sent++
	return p
}

// stream is packets as text or bytes, made as they are read.
type stream struct {
	left   int // packets
	append func([]byte) []byte
	buf    []byte // made
	rest   []byte // of it
}

func (s *stream) Read(to []byte) (int, error) {
	if len(s.rest) == 0 {
		s.buf = s.buf[:0]
		for ; len(s.buf) < 1<<16 && s.left > 0; s.left-- {
			s.buf = s.append(s.buf)
		}
		if s.rest = s.buf; len(s.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(to, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Form is a way to write a packet in a trace. The zero Form is `1.5s 192.0.2.7 -> 10000`.
type Form struct {
	Name  string
	Bare  bool   // the time has no unit
	IPv6  bool   // the source is of IPv6
	Port  bool   // the source has a port
	After string // what comes after the arrow, with %d for the port
}

// Forms are the ways to write a packet, each alone.
var Forms = []Form{
	{Name: "plain"},
	{Name: "bare seconds", Bare: true},
	{Name: "IPv6", IPv6: true},
	{Name: "source port", Port: true},
	{Name: "udp", After: "udp/%d"},
	{Name: "flags", After: "%d psh ack"},
	{Name: "interface", After: "%d on wan0"},
	{Name: "ping", After: "ping"},
}

// FormTrace is a trace of as many packets that are all written in one form.
func FormTrace(form Form, knocks, packets int) io.Reader {
	t := newTraffic(knocks)
	return &stream{left: packets, append: func(b []byte) []byte { return form.append(b, t.next()) }}
}

// MixedTrace is a trace of as many packets in all forms that people write: every other
// time without its unit, a quarter of the sources IPv6, a third with a port, and of ten
// packets one each over UDP, with flags, on an interface, and a ping.
func MixedTrace(knocks, packets int) io.Reader {
	t := newTraffic(knocks)
	return &stream{left: packets, append: func(b []byte) []byte { return appendMixed(b, t.next()) }}
}

func appendMixed(b []byte, p Packet) []byte {
	n := p.number()
	after := [10]string{1: "udp/%d", 2: "%d psh ack", 3: "%d on wan0", 4: "ping"}
	form := Form{Bare: n%2 == 1, IPv6: p.Src[3]%4 == 0, Port: n%3 == 0, After: after[n%10]}
	return form.append(b, p)
}

// number is the packet's, from 0 on.
func (p Packet) number() int64 { return int64(p.At / (100 * time.Microsecond)) }

func (f Form) append(b []byte, p Packet) []byte {
	n := p.number()
	b = fmt.Appendf(b, "%d.%06d", n/10000, n%10000*100)
	if !f.Bare {
		b = append(b, 's')
	}
	source := netip.AddrFrom4(p.Src)
	if f.IPv6 {
		source = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 8: p.Src[1], 14: p.Src[2], 15: p.Src[3]})
	}
	if f.Port {
		b = fmt.Appendf(b, " %s -> ", netip.AddrPortFrom(source, 50000))
	} else {
		b = fmt.Appendf(b, " %s -> ", source)
	}
	if f.After == "ping" {
		return append(b, "ping\n"...)
	}
	return append(fmt.Appendf(b, cmp.Or(f.After, "%d"), p.Port), '\n')
}
