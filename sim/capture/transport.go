package capture

import (
	"encoding/binary"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// The transport protocols that rules look into (IANA protocol numbers).
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// segment is what a transport header says beyond a packet's fields.
type segment struct {
	short bool // a TCP header that is too short or contradicts itself
	reply bool // an echo reply, not a request
}

// read fills in what the transport header says. What it leaves out as malformed the
// kernel takes for invalid (nf_conntrack_tcp_packet, udp_error, icmp_error), and no
// rule finds a port or a type in it.
func (t *segment) read(d *datagram, p *sim.Packet) Reason {
	*t = segment{}
	p.SrcPort, p.DstPort, p.Flags, p.Length, p.Code = 0, 0, 0, 0, codes.Code{}
	switch {
	case d.proto == protoTCP:
		return t.tcp(d, p)
	case d.proto == protoUDP:
		return udp(d, p)
	case d.proto == protoICMP && d.src.Is4():
		return t.icmp(d, p, 8, 0)
	case d.proto == protoICMPv6 && !d.src.Is4():
		return t.icmp(d, p, 128, 129)
	}
	return OtherProtocol
}

// tcp reads a segment. One whose header holds the ports but is not in order is
// found at its port and is invalid, as if it had no flags.
func (t *segment) tcp(d *datagram, p *sim.Packet) Reason {
	if len(d.b) < 4 {
		return d.cut(4)
	}
	p.Proto = lang.TCP
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(d.b), binary.BigEndian.Uint16(d.b[2:])
	if t.short = d.size < 20; t.short {
		return 0
	}
	if len(d.b) < 14 {
		return Snapped
	}
	if header := int(d.b[12]>>4) * 4; header < 20 || header > d.size {
		t.short = true
		return 0
	}
	const all = lang.FIN | lang.SYN | lang.RST | lang.PSH | lang.ACK | lang.URG
	p.Flags = lang.Flags(d.b[13]) & all
	return 0
}

func udp(d *datagram, p *sim.Packet) Reason {
	if len(d.b) < 8 {
		return d.cut(8)
	}
	if size := int(binary.BigEndian.Uint16(d.b[4:])); size < 8 || size > d.size {
		return Malformed
	}
	p.Proto = lang.UDP
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(d.b), binary.BigEndian.Uint16(d.b[2:])
	if payload := d.b[8:]; len(payload) >= codes.Size {
		p.Code = codes.Code(payload[:codes.Size])
	}
	return 0
}

// icmp reads a message, given the types of echo requests and replies. Rules ask for
// a ping's length in the IP header, so what that counts beside the data counts here.
func (t *segment) icmp(d *datagram, p *sim.Packet, request, reply uint8) Reason {
	if len(d.b) < 8 {
		return d.cut(8)
	}
	if t.reply = d.b[0] == reply; !t.reply && d.b[0] != request {
		return OtherICMP
	}
	p.Proto = lang.Ping
	p.SrcPort = binary.BigEndian.Uint16(d.b[4:])
	p.Length = d.size - 8 + d.extra
	return 0
}
