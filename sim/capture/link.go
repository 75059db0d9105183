package capture

import (
	"encoding/binary"
	"net/netip"
)

// linkType says what a frame begins with (tcpdump.org/linktypes.html).
type linkType uint16

const (
	linkNull     linkType = 0
	linkEthernet linkType = 1
	linkRawBSD   linkType = 12 // DLT_RAW, where it is not 101
	linkRawOBSD  linkType = 14
	linkRaw      linkType = 101
	linkLoop     linkType = 108
	linkCooked   linkType = 113
	linkIPv4     linkType = 228
	linkIPv6     linkType = 229
	linkCooked2  linkType = 276
)

const linkTypes = "1 Ethernet, 101 raw IP, 113 and 276 Linux cooked, 0 and 108 loopback"

func (t linkType) known() bool {
	switch t {
	case linkNull, linkEthernet, linkRawBSD, linkRawOBSD, linkRaw, linkLoop, linkCooked, linkIPv4, linkIPv6, linkCooked2:
		return true
	}
	return false
}

// plain are the addresses of a frame of the most frequent kind: of Ethernet, with IPv4
// without options that is no fragment.
func (r *record) plain() (src, dst netip.Addr, ok bool) {
	b := r.data
	if r.port.link != linkEthernet || len(b) < 34 || b[12] != typeIPv4>>8 || b[13] != 0 || b[14] != 0x45 || b[20]&0x3f|b[21] != 0 {
		return src, dst, false
	}
	return netip.AddrFrom4([4]byte(b[26:])), netip.AddrFrom4([4]byte(b[30:])), true
}

// frame is an IP datagram as it stands after a link header.
type frame struct {
	ip       []byte
	wire     int // the length of ip, had all been recorded
	cast     cast
	cooked   bool   // cast is from the recording host's view
	loopback bool   // it came over a loopback interface
	sender   uint64 // the link address of the sender, of Ethernet
}

// cast is whom the link header addresses.
type cast uint8

const (
	toOne   cast = iota // of a cooked frame, the recording host
	toGroup             // broadcast or multicast
	toOther
	fromHost
)

// The values of EtherType that matter.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
)

// read takes the link header off a record's frame.
func (f *frame) read(rec *record) Reason {
	b := rec.data
	*f = frame{wire: rec.wire}
	switch rec.port.link {
	case linkEthernet:
		return f.ethernet(b)
	case linkRaw, linkRawBSD, linkRawOBSD, linkIPv4, linkIPv6:
		return f.payload(b, 0)
	case linkNull, linkLoop:
		return f.family(b)
	case linkCooked:
		return f.cooked1(b)
	case linkCooked2:
		return f.cooked2(b)
	}
	return UnknownLink
}

// payload is what follows a header of n bytes.
func (f *frame) payload(b []byte, n int) Reason {
	if len(b) < n {
		return f.cut(n)
	}
	f.ip = b[n:]
	f.wire -= n
	if len(f.ip) == 0 {
		return f.cut(1)
	}
	return 0
}

// cut is why a header of n bytes is not there.
func (f *frame) cut(n int) Reason {
	if f.wire < n {
		return Malformed
	}
	return Snapped
}

func (f *frame) ethernet(b []byte) Reason {
	if len(b) < 14 {
		return f.cut(14)
	}
	if b[0]&1 != 0 {
		f.cast = toGroup
	}
	f.sender = uint64(binary.BigEndian.Uint16(b[6:]))<<32 | uint64(binary.BigEndian.Uint32(b[8:]))
	return f.typed(b, 14, binary.BigEndian.Uint16(b[12:]))
}

// typed goes on after a header of n bytes and over VLAN tags (IEEE 802.1Q, 802.1ad).
func (f *frame) typed(b []byte, n int, etherType uint16) Reason {
	for {
		switch etherType {
		case typeIPv4, typeIPv6:
			return f.payload(b, n)
		case 0x8100, 0x88a8, 0x9100, 0x9200:
			if len(b) < n+4 {
				return f.cut(n + 4)
			}
			etherType = binary.BigEndian.Uint16(b[n+2:])
			n += 4
		default:
			return NotIP
		}
	}
}

// family reads a header that is an address family, in either byte order: 2 is
// IPv4 everywhere, IPv6 has a number of its own on each system.
func (f *frame) family(b []byte) Reason {
	if len(b) < 4 {
		return f.cut(4)
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(b)
	}
	switch family {
	case 2, 10, 24, 28, 30:
		return f.payload(b, 4)
	}
	return NotIP
}

// loopbackDevice is ARPHRD_LOOPBACK (linux/if_arp.h).
const loopbackDevice = 772

func (f *frame) cooked1(b []byte) Reason {
	if len(b) < 16 {
		return f.cut(16)
	}
	f.cook(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]))
	return f.typed(b, 16, binary.BigEndian.Uint16(b[14:]))
}

func (f *frame) cooked2(b []byte) Reason {
	if len(b) < 20 {
		return f.cut(20)
	}
	f.cook(uint16(b[10]), binary.BigEndian.Uint16(b[8:]))
	return f.typed(b, 20, binary.BigEndian.Uint16(b))
}

// cook reads a packet type, as PACKET_HOST and the others of linux/if_packet.h,
// and the type of device.
func (f *frame) cook(packetType, device uint16) {
	f.cooked, f.loopback = true, device == loopbackDevice
	switch packetType {
	case 0:
		f.cast = toOne
	case 1, 2:
		f.cast = toGroup
	case 4:
		f.cast = fromHost
	default:
		f.cast = toOther
	}
}
