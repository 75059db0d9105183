package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Proto is an IP protocol number.
type Proto uint8

const (
	TCP Proto = 6
	UDP Proto = 17
)

func (p Proto) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// TCPFlags are the flags of a TCP header, with the values that they have there.
type TCPFlags uint8

const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// Packet is a packet without payload, about to be sent to a [Host].
type Packet struct {
	Src netip.Addr

	// SrcPort 0 stands for a port that this host has not seen lately: they are
	// taken in turn from 20000 to 60999.
	SrcPort uint16

	Proto   Proto
	DstPort uint16

	// Flags are TCP's. The sequence numbers go with them: a packet of a
	// connection that the host has answered fits into it, and the SYNs of one
	// source port to one destination are repetitions of each other.
	Flags TCPFlags

	// Dst is the host's own address in Src's family if it is zero.
	Dst netip.Addr

	// Silent means that the datagram gets no answer, even on a port that the
	// host listens on.
	Silent bool
}

// append appends the packet as it is on the wire. The numbers are TCP's.
func (p Packet) append(b []byte, seq, ack uint32) []byte {
	if p.Src.Is4() {
		b = p.appendIPv4(b)
	} else {
		b = p.appendIPv6(b)
	}
	header := len(b)
	if p.Proto == TCP {
		b = p.appendTCP(b, seq, ack)
	} else {
		b = p.appendUDP(b)
	}

	// The pseudo-header has the addresses, which are the IP header's last bytes.
	addresses := header - 2*p.Src.BitLen()/8
	pseudo := uint32(p.Proto) + uint32(len(b)-header)
	sum := checksum(pseudo, b[addresses:])
	if p.Proto == UDP && sum == 0 {
		sum = 0xffff // 0 would say that there is none, RFC 768
	}
	binary.BigEndian.PutUint16(b[header+checksumOffset(p.Proto):], sum)
	return b
}

func (p Packet) appendIPv4(b []byte) []byte {
	start := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+headerLen(p.Proto)))
	b = append(b, 0, 0, 0x40, 0) // don't fragment
	b = append(b, 64, byte(p.Proto), 0, 0)
	b = append(b, p.Src.AsSlice()...)
	b = append(b, p.Dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[start+10:], checksum(0, b[start:]))
	return b
}

func (p Packet) appendIPv6(b []byte) []byte {
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(headerLen(p.Proto)))
	b = append(b, byte(p.Proto), 64)
	b = append(b, p.Src.AsSlice()...)
	return append(b, p.Dst.AsSlice()...)
}

func (p Packet) appendTCP(b []byte, seq, ack uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, p.SrcPort)
	b = binary.BigEndian.AppendUint16(b, p.DstPort)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, 5<<4, byte(p.Flags), 0xff, 0xff) // the widest window
	return append(b, 0, 0, 0, 0)
}

func (p Packet) appendUDP(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, p.SrcPort)
	b = binary.BigEndian.AppendUint16(b, p.DstPort)
	b = binary.BigEndian.AppendUint16(b, 8)
	return append(b, 0, 0)
}

func headerLen(proto Proto) int {
	if proto == TCP {
		return 20
	}
	return 8
}

func checksumOffset(proto Proto) int {
	if proto == TCP {
		return 16
	}
	return 6
}

// checksum is that of RFC 1071 over b, whose length is even, begun with sum.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// segment is a TCP segment that the host sent.
type segment struct {
	src, dst netip.AddrPort
	seq      uint32
	flags    TCPFlags
}

// parseSegment reports false if b, an IP packet, is anything but TCP.
func parseSegment(b []byte) (segment, bool) {
	var src, dst netip.Addr
	switch {
	case len(b) >= 40 && b[0]>>4 == 4 && b[9] == byte(TCP):
		src, _ = netip.AddrFromSlice(b[12:16])
		dst, _ = netip.AddrFromSlice(b[16:20])
		b = b[int(b[0]&0xf)*4:]
	case len(b) >= 60 && b[0]>>4 == 6 && b[6] == byte(TCP):
		src, _ = netip.AddrFromSlice(b[8:24])
		dst, _ = netip.AddrFromSlice(b[24:40])
		b = b[40:]
	}
	if !src.IsValid() || len(b) < 20 {
		return segment{}, false
	}
	return segment{
		src:   netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)),
		dst:   netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:])),
		seq:   binary.BigEndian.Uint32(b[4:]),
		flags: TCPFlags(b[13]),
	}, true
}
