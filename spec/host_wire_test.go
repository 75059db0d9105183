package spec

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	"example.org/knockc/lang"
)

// The numbers of protocols in IP headers.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoIPIP     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoDCCP     = 33
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoOptions  = 60
	protoSCTP     = 132
	protoUDPLite  = 136
)

// ip4 is an IPv4 packet.
type ip4 struct {
	src, dst netip.Addr
	proto    byte
	options  []byte // a multiple of four bytes
	ident    uint16
	offset   int  // of a fragment, in bytes
	more     bool // fragments follow
	payload  []byte
	badSum   bool
	version  byte // if not 4
	words    byte // that the header says to have, if not as many as it has
	longer   int  // by how many bytes it says to be longer than it is
}

func (p ip4) packet() []byte {
	header := 20 + len(p.options)
	b := []byte{cmp.Or(p.version, 4)<<4 | cmp.Or(p.words, byte(header/4)), 0}
	b = binary.BigEndian.AppendUint16(b, uint16(header+len(p.payload)+p.longer))
	b = binary.BigEndian.AppendUint16(b, p.ident)
	offset := uint16(p.offset / 8)
	if p.more {
		offset |= 0x2000
	}
	b = binary.BigEndian.AppendUint16(b, offset)
	b = append(b, 64, p.proto, 0, 0)
	b = append(b, p.src.AsSlice()...)
	b = append(b, p.dst.AsSlice()...)
	b = append(b, p.options...)
	sum := internetSum(b, 0)
	if p.badSum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[10:], sum)
	return append(b, p.payload...)
}

// ip6 is an IPv6 packet.
type ip6 struct {
	src, dst netip.Addr
	next     byte
	payload  []byte
}

func (p ip6) packet() []byte {
	b := []byte{6 << 4, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.payload)))
	b = append(b, p.next, 64)
	b = append(b, p.src.AsSlice()...)
	b = append(b, p.dst.AsSlice()...)
	return append(b, p.payload...)
}

// ip is a packet of the family of its addresses.
func ip(src, dst netip.Addr, proto byte, payload []byte) []byte {
	if src.Is4() {
		return ip4{src: src, dst: dst, proto: proto, payload: payload}.packet()
	}
	return ip6{src, dst, proto, payload}.packet()
}

// segment is a TCP segment.
type segment struct {
	src, dst netip.AddrPort
	flags    lang.Flags
	seq, ack uint32
	window   uint16 // of one that was read
	options  []byte // a multiple of four bytes
	data     []byte
	words    byte // that the header says to have, if not as many as it has
	badSum   bool
}

func (s segment) bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, s.src.Port())
	b = binary.BigEndian.AppendUint16(b, s.dst.Port())
	b = binary.BigEndian.AppendUint32(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.ack)
	words := cmp.Or(s.words, byte(5+len(s.options)/4))
	b = append(b, words<<4, byte(s.flags), 0xff, 0xff, 0, 0, 0, 0)
	b = append(append(b, s.options...), s.data...)
	sum := transportSum(s.src.Addr(), s.dst.Addr(), protoTCP, b)
	if s.badSum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[16:], sum)
	return b
}

func (s segment) packet() []byte { return ip(s.src.Addr(), s.dst.Addr(), protoTCP, s.bytes()) }

// datagram is a UDP datagram.
type datagram struct {
	src, dst netip.AddrPort
	data     []byte
	longer   int // by how many bytes it says to be longer than it is
	badSum   bool
	noSum    bool
}

func (d datagram) bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, d.src.Port())
	b = binary.BigEndian.AppendUint16(b, d.dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(d.data)+d.longer))
	b = append(append(b, 0, 0), d.data...)
	sum := transportSum(d.src.Addr(), d.dst.Addr(), protoUDP, b)
	if sum == 0 {
		sum = 0xffff
	}
	if d.badSum {
		sum ^= 0x5555
	}
	if !d.noSum {
		binary.BigEndian.PutUint16(b[6:], sum)
	}
	return b
}

func (d datagram) packet() []byte { return ip(d.src.Addr(), d.dst.Addr(), protoUDP, d.bytes()) }

// message is an ICMP or ICMPv6 message.
type message struct {
	src, dst   netip.Addr
	kind, code byte
	body       []byte
	badSum     bool
}

// echo is the body of a ping.
func echo(identifier uint16, length int) []byte {
	b := binary.BigEndian.AppendUint16(nil, identifier)
	return append(b, make([]byte, 2+length)...)
}

func (m message) proto() byte {
	if m.src.Is6() {
		return protoICMPv6
	}
	return protoICMP
}

func (m message) bytes() []byte {
	b := append([]byte{m.kind, m.code, 0, 0}, m.body...)
	sum := internetSum(b, 0)
	if m.src.Is6() {
		sum = transportSum(m.src, m.dst, protoICMPv6, b)
	}
	if m.badSum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[2:], sum)
	return b
}

func (m message) packet() []byte { return ip(m.src, m.dst, m.proto(), m.bytes()) }

// transportSum is the checksum of b with a pseudo-header in front.
func transportSum(src, dst netip.Addr, proto byte, b []byte) uint16 {
	pseudo := append(src.AsSlice(), dst.AsSlice()...)
	return internetSum(append(pseudo, b...), uint32(proto)+uint32(len(b)))
}

// internetSum is the checksum of RFC 1071.
func internetSum(b []byte, sum uint32) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// readSegment reads a TCP segment out of an IP packet without options.
func readSegment(b []byte) (s segment, ok bool) {
	var src, dst netip.Addr
	switch {
	case len(b) >= 40 && b[0] == 4<<4|5 && b[9] == protoTCP:
		src, dst, b = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[20:]
	case len(b) >= 60 && b[0]>>4 == 6 && b[6] == protoTCP:
		src, dst, b = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[40:]
	default:
		return s, false
	}
	s.src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	s.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	s.seq, s.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	s.flags, s.window = lang.Flags(b[13]), binary.BigEndian.Uint16(b[14:])
	s.data = b[int(b[12]>>4)*4:]
	return s, true
}

// header is what the IP header of a packet without options says.
func header(b []byte) (dst netip.Addr, ttl, proto byte) {
	if b[0]>>4 == 4 {
		return netip.AddrFrom4([4]byte(b[16:])), b[8], b[9]
	}
	return netip.AddrFrom16([16]byte(b[24:])), b[7], b[6]
}
