package capture

import (
	"encoding/binary"
	"net/netip"
)

// datagram is an IP datagram, made whole again if it came in fragments.
type datagram struct {
	src, dst netip.Addr
	proto    uint8  // of the transport header
	b        []byte // the recorded part, from the transport header on
	size     int    // the length of b, had all been recorded
	extra    int    // bytes of IPv4 options or IPv6 extension headers before it
}

// cut is why a header of n bytes is not there.
func (d *datagram) cut(n int) Reason {
	if d.size < n {
		return Malformed
	}
	return Snapped
}

// read takes the IP header off. It leaves out what ip_rcv_core, ip_rcv_options,
// ip_route_input_slow and ip6_rcv_core drop.
func (d *datagram) read(s *Source, f *frame) Reason {
	d.b, d.size = f.ip, f.wire
	switch f.ip[0] >> 4 {
	case 4:
		return d.ipv4(s)
	case 6:
		return d.ipv6(s)
	}
	return Malformed
}

func (d *datagram) ipv4(s *Source) Reason {
	b := d.b
	if len(b) < 20 {
		return d.cut(20)
	}
	header, total := int(b[0]&0xf)*4, wholeLength(int(binary.BigEndian.Uint16(b[2:])), d.size)
	switch {
	case header < 20 || total < header || total > d.size:
		return Malformed
	case len(b) < header:
		return Snapped
	case header > 20 && !validOptions(b[20:header]):
		return Malformed
	}
	d.src, d.dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	if !possible4(binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint32(b[16:])) {
		return BadSource
	}
	d.proto, d.extra = b[9], header-20
	d.b, d.size = b[header:min(total, len(b))], total-header
	if s.isCopy(d, binary.BigEndian.Uint32(b[4:]), b[8]) {
		return Forwarded
	}
	place := binary.BigEndian.Uint16(b[6:])
	if place&0x3fff == 0 {
		return 0
	}
	id := uint32(binary.BigEndian.Uint16(b[4:]))
	return s.fragments4.gather(d, id, int(place&0x1fff)*8, place&0x2000 != 0, s.now)
}

// wholeLength is what a length field says, or of a packet too long for it what was
// received (iph_totlen, ipv6_payload_len).
func wholeLength(field, received int) int {
	if field == 0 && received > 0xffff {
		return received
	}
	return field
}

// possible4 reports whether a source is one that packets can come from.
func possible4(src, dst uint32) bool {
	const everybody = 0xffffffff
	switch {
	case src>>28 == 0xe, src == everybody:
		return false
	case src == 0:
		return dst == everybody || dst>>8 == 0xe00000 // ip_mc_validate_source
	}
	return true
}

// validOptions reports whether IPv4 options are in order (ip_options_compile), and
// do not ask for a route, which hosts do not grant (accept_source_route).
func validOptions(b []byte) bool {
	for len(b) > 0 {
		switch b[0] {
		case 0: // end
			return true
		case 1: // none
			b = b[1:]
			continue
		case 131, 137: // loose and strict source route
			return false
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return false
		}
		b = b[b[1]:]
	}
	return true
}

func (d *datagram) ipv6(s *Source) Reason {
	b := d.b
	if len(b) < 40 {
		return d.cut(40)
	}
	total := 40 + wholeLength(int(binary.BigEndian.Uint16(b[4:])), d.size-40)
	if total > d.size {
		return Malformed
	}
	d.src, d.dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	if b[8] == 0xff {
		return BadSource
	}
	d.proto, d.extra = b[6], 0
	d.b, d.size = b[40:min(total, len(b))], total-40
	if s.isCopy(d, binary.BigEndian.Uint32(b)&0xfffff, b[7]) {
		return Forwarded
	}
	return d.extensions(s)
}

// The IPv6 extension headers (RFC 8200, section 4).
const (
	hopByHop       = 0
	routing        = 43
	fragmentation  = 44
	authentication = 51
	noNext         = 59
	destination    = 60
)

// extensions goes over extension headers as ipv6_find_hdr does, in any order.
// Without a source it stops at a fragment header as at something malformed.
func (d *datagram) extensions(s *Source) Reason {
	for {
		switch d.proto {
		case hopByHop, routing, destination, authentication, fragmentation:
		case noNext:
			return OtherProtocol
		default:
			return 0
		}
		if len(d.b) < 8 {
			return d.cut(8)
		}
		size := 8 + int(d.b[1])*8
		switch d.proto {
		case authentication:
			size = 8 + int(d.b[1])*4
		case fragmentation:
			size = 8
			if place := binary.BigEndian.Uint16(d.b[2:]); place&0xfff9 != 0 { // else a whole one, RFC 6946
				return d.fragment(s, place)
			}
		}
		if len(d.b) < size {
			return d.cut(size)
		}
		d.next(size)
	}
}

// next goes over an extension header.
func (d *datagram) next(size int) {
	d.proto = d.b[0]
	d.b, d.size = d.b[size:], d.size-size
	d.extra += size
}

// fragment collects a fragment whose header is next, and goes on if it was the last
// one missing.
func (d *datagram) fragment(s *Source, place uint16) Reason {
	if s == nil {
		return Malformed
	}
	offset, more, id := int(place&^7), place&1 != 0, binary.BigEndian.Uint32(d.b[4:])
	extra := d.extra
	d.next(8)
	d.extra = extra // the header is gone from what is whole again
	if offset == 0 && !d.holdsHeaders() {
		return Malformed
	}
	if reason := s.fragments6.gather(d, id, offset, more, s.now); reason != 0 {
		return reason
	}
	return d.extensions(nil)
}

// holdsHeaders reports whether a first fragment holds all headers, as RFC 8200,
// section 4.5, wants it to (ipv6frag_thdr_truncated).
func (d *datagram) holdsHeaders() bool {
	whole := *d
	if reason := whole.extensions(nil); reason != 0 {
		return reason != Malformed
	}
	switch whole.proto {
	case protoTCP:
		return whole.size >= 20
	case protoUDP, protoICMPv6:
		return whole.size >= 8
	}
	return whole.size >= 1
}
