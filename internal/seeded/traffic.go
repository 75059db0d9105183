package seeded

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
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
	sent     uint32
	source   uint32
	sequence []uint16 // that the source is about to send
}

func newTraffic(knocks int) *traffic {
	t := &traffic{rand: rand.New(rand.NewPCG(2, 3))}
	eachKnock(knocks, func(steps [4]uint16, service uint16) {
		t.knocks = append(t.knocks, append(steps[:], service))
	})
	return t
}

func (t *traffic) next() Packet {
	if len(t.sequence) == 0 {
		t.source = t.sent/100 + uint32(t.rand.IntN(5000))
		if t.source%10 == 0 {
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
	traffic *traffic
	left    int // packets
	append  func([]byte, Packet) []byte
	buf     []byte // made
	rest    []byte // of it
}

func (s *stream) Read(to []byte) (int, error) {
	if len(s.rest) == 0 {
		s.buf = s.buf[:0]
		for ; len(s.buf) < 1<<16 && s.left > 0; s.left-- {
			s.buf = s.append(s.buf, s.traffic.next())
		}
		if s.rest = s.buf; len(s.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(to, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Trace is a trace of packets to a host with the knocks of [Policy].
func Trace(knocks, packets int) io.Reader {
	return &stream{traffic: newTraffic(knocks), left: packets, append: appendLine}
}

func appendLine(b []byte, p Packet) []byte {
	b = strconv.AppendInt(b, int64(p.At/time.Second), 10)
	b = append(b, '.')
	fraction := int64(p.At%time.Second/(100*time.Microsecond)) + 10000
	b = strconv.AppendInt(b, fraction, 10)
	b = append(b[:len(b)-5], b[len(b)-4:]...) // without the 1
	b = append(b, "s "...)
	for i, octet := range p.Src {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(octet), 10)
	}
	b = append(b, " -> "...)
	b = strconv.AppendInt(b, int64(p.Port), 10)
	return append(b, '\n')
}

// MixedTrace is a trace of as many packets in all forms that people write: every other
// time without its unit, a quarter of the sources IPv6, a third with a port, and of ten
// packets one each over UDP, with flags, on an interface, and a ping.
func MixedTrace(knocks, packets int) io.Reader {
	return &stream{traffic: newTraffic(knocks), left: packets, append: appendMixed}
}

func appendMixed(b []byte, p Packet) []byte {
	n := int64(p.At / (100 * time.Microsecond))
	b = fmt.Appendf(b, "%d.%06d", n/10000, n%10000*100)
	if n%2 == 0 {
		b = append(b, 's')
	}
	source := netip.AddrFrom4(p.Src)
	if p.Src[3]%4 == 0 {
		source = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 8: p.Src[1], 14: p.Src[2], 15: p.Src[3]})
	}
	if n%3 == 0 {
		b = fmt.Appendf(b, " %s -> ", netip.AddrPortFrom(source, 50000))
	} else {
		b = fmt.Appendf(b, " %s -> ", source)
	}
	forms := [10]string{1: "udp/%d\n", 2: "%d psh ack\n", 3: "%d on wan0\n", 4: "ping\n"}
	if form := forms[n%10]; form == "ping\n" {
		return append(b, form...)
	} else if form != "" {
		return fmt.Appendf(b, form, p.Port)
	}
	return fmt.Appendf(b, "%d\n", p.Port)
}

// Capture is the packets of [Trace] in a pcap file of Ethernet frames. The host is
// 192.0.2.1.
func Capture(knocks, packets int) io.Reader {
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	header = binary.LittleEndian.AppendUint32(header, 65535)
	header = binary.LittleEndian.AppendUint32(header, 1)
	s := &stream{traffic: newTraffic(knocks), left: packets, append: appendFrame}
	s.rest = header
	return s
}

func appendFrame(b []byte, p Packet) []byte {
	const size = 14 + 20 + 20
	b = binary.LittleEndian.AppendUint32(b, uint32(p.At/time.Second))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.At%time.Second/time.Microsecond))
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = append(b, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)
	b = append(b, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0)
	b = append(b, p.Src[:]...)
	b = append(b, 192, 0, 2, 1)
	b = append(b, 0x90, 0, byte(p.Port>>8), byte(p.Port)) // from port 36864
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0)
	return b
}
