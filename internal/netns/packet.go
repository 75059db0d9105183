//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Proto is an IP protocol number. Ping is the exception: it has the number of ICMP, and
// means an echo request of ICMP or ICMPv6, by the family of the packet's addresses.
type Proto uint8

const (
	Ping Proto = 1
	TCP  Proto = 6
	UDP  Proto = 17
)

func (p Proto) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case Ping:
		return "ping"
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

// number returns the protocol's number in an IP header.
func (p Proto) number(v6 bool) uint8 {
	if p == Ping && v6 {
		return icmpv6
	}
	return uint8(p)
}

// maxPacket is the length of the longest IPv6 packet, which is longer than IPv4's.
const maxPacket = 40 + 0xffff

// Packet is a packet to be sent to a [Host].
type Packet struct {
	Src netip.Addr

	// SrcPort 0 means a port that this host has not seen lately: they are taken in turn
	// from 20000 to 60999. For a ping, it is the identifier.
	SrcPort uint16

	Proto   Proto
	DstPort uint16 // of TCP and UDP

	// Length is the number of bytes of echo data in a ping, 0 to 65507.
	Length int

	// Payload is that of a datagram.
	Payload string

	// Flags are the TCP flags. The sequence numbers follow from them: a packet of a
	// connection that the host has answered fits into it, and the SYNs of one source port
	// to one destination are repetitions of each other.
	Flags TCPFlags

	// Options gives a SYN the options that a Windows client sends: the segment size, the
	// window's scale and selective acknowledgments.
	Options bool

	// Dst is the host's own address in Src's family if it is zero. It may be a broadcast
	// or multicast address, or that of an inner host, to which the host forwards packets
	// of up to 65535 bytes.
	Dst netip.Addr

	// Iface is the interface on which the packet arrives, or the first one if it is empty.
	Iface string

	// BadChecksum makes the checksum of the transport header wrong.
	BadChecksum bool

	// Cut is the number of bytes that are missing at the end of the transport header, if
	// the packet is not too long for that.
	Cut int

	// Silent means that the datagram or ping gets no answer from above the input
	// hook, even on a port that the host listens on. An inner host is silent about
	// segments too.
	Silent bool
}

// ttl is the TTL or hop limit of every packet before it is forwarded: of those that
// are given to the host, and by default of those that it sends itself.
const ttl = 64

// append appends the packet as it is on the wire. The numbers are TCP's.
func (p Packet) append(b []byte, seq, ack uint32) []byte {
	if p.Src.Is4() {
		b = p.appendIPv4(b)
	} else {
		b = p.appendIPv6(b)
	}
	header := len(b)
	switch p.Proto {
	case TCP:
		b = p.appendTCP(b, seq, ack)
	case UDP:
		b = p.appendUDP(b)
	case Ping:
		b = p.appendEcho(b)
	}
	sum := p.checksum(b, header)
	if p.Proto == UDP && sum == 0 {
		sum = 0xffff // 0 would say that there is none, RFC 768
	}
	if p.BadChecksum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[header+checksumOffset(p.Proto):], sum)
	return b[:len(b)-p.Cut]
}

// checksum returns that of the protocol header at the given place in b.
func (p Packet) checksum(b []byte, header int) uint16 {
	if p.Proto == Ping && p.Src.Is4() {
		return checksum(0, b[header:])
	}
	// The pseudo-header has the addresses, which are the IP header's last bytes.
	addresses := header - 2*p.Src.BitLen()/8
	pseudo := uint32(p.Proto.number(p.Src.Is6())) + uint32(len(b)-header)
	return checksum(pseudo, b[addresses:])
}

func (p Packet) appendIPv4(b []byte) []byte {
	start := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+p.transportLen()-p.Cut))
	b = append(b, 0, 0, 0x40, 0) // don't fragment
	b = append(b, ttl, byte(p.Proto), 0, 0)
	b = append(b, p.Src.AsSlice()...)
	b = append(b, p.Dst.AsSlice()...)
	binary.BigEndian.PutUint16(b[start+10:], checksum(0, b[start:]))
	return b
}

func (p Packet) appendIPv6(b []byte) []byte {
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(p.transportLen()-p.Cut))
	b = append(b, p.Proto.number(true), ttl)
	b = append(b, p.Src.AsSlice()...)
	return append(b, p.Dst.AsSlice()...)
}

func (p Packet) appendTCP(b []byte, seq, ack uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, p.SrcPort)
	b = binary.BigEndian.AppendUint16(b, p.DstPort)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, byte(p.transportLen()/4)<<4, byte(p.Flags), 0xff, 0xff) // the widest window
	return append(append(b, 0, 0, 0, 0), p.options()...)
}

// options are those of a TCP header (RFC 9293, 7323 and 2018).
func (p Packet) options() string {
	if !p.Options || p.Flags != SYN {
		return ""
	}
	return "\x02\x04\x05\xb4" + "\x01\x03\x03\x08" + "\x01\x01\x04\x02"
}

func (p Packet) appendUDP(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, p.SrcPort)
	b = binary.BigEndian.AppendUint16(b, p.DstPort)
	b = binary.BigEndian.AppendUint16(b, uint16(p.transportLen()))
	b = append(b, 0, 0)
	return append(b, p.Payload...)
}

// transportLen returns the length of what follows the IP header.
func (p Packet) transportLen() int {
	switch p.Proto {
	case TCP:
		return 20 + len(p.options())
	case Ping:
		return 8 + p.Length
	}
	return 8 + len(p.Payload)
}

func checksumOffset(proto Proto) int {
	switch proto {
	case TCP:
		return 16
	case Ping:
		return 2
	}
	return 6
}

// checksum is that of RFC 1071 over b, begun with sum.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
