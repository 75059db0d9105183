//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Answer is what the host sent back for a packet.
type Answer uint8

const (
	NoAnswer    Answer = iota
	Reset              // a TCP segment with RST
	Unreachable        // an ICMP or ICMPv6 error: port unreachable
	OtherAnswer        // anything else, such as SYN/ACK or an echo reply
)

func (a Answer) String() string {
	return [...]string{"no answer", "reset", "port unreachable", "other answer"}[a]
}

// output is what left by the TUN devices.
type output struct {
	answer Answer   // the first to a certain packet
	passed *passage // that packet itself, if it was forwarded
}

// readOutput empties the TUN devices, and finds in what left what p has to do with.
// It notes what servers say of connections. What was forwarded is of an inner host,
// or else of a client.
func (h *Host) readOutput(p Packet, ofInner bool) (output, error) {
	var out output
	for _, tun := range h.links {
		for {
			n, err := unix.Read(tun, h.buf[:])
			if err == unix.EAGAIN {
				break
			}
			if err != nil {
				return out, fmt.Errorf("read answers: %w", err)
			}
			a, ok := parseIP(h.buf[:n])
			switch {
			case !ok:
			case a.forwarded() && !ofInner:
				if out.passed == nil && p.passedAs(a) {
					out.passed = a.passage(tun)
				}
			default:
				if out.answer == NoAnswer {
					out.answer = p.answeredBy(a)
				}
				h.note(a)
			}
		}
	}
	return out, nil
}

// Segment is a TCP segment that the host or an inner host sent.
type Segment struct {
	Src, Dst netip.AddrPort
	Seq, Ack uint32
	Flags    TCPFlags
	Inner    bool // an inner host sent it
}

// Sent returns the segments that the host has sent since the last call, in order, and
// those of inner hosts that it forwarded: answers, their repetitions, and the effects
// of [Host.CloseServer] and [Host.AbortServer]. It leaves out segments that were sent
// during a Flood.
func (h *Host) Sent() ([]Segment, error) {
	_, err := h.readOutput(Packet{}, false)
	sent := h.sent
	h.sent = nil
	return sent, err
}

// note notes a segment that a server sent.
func (h *Host) note(a ipPacket) {
	s, ok := a.segment()
	if !ok {
		return
	}
	h.sent = append(h.sent, s)
	f := flow{client: s.Dst, server: s.Src}
	c, next := h.connections[f], s.Seq+1
	switch {
	case s.Flags&RST != 0 && s.Seq == c.server: // as RFC 9293 section 3.10.7.4 has it
		delete(h.connections, f)
	case s.Flags&RST != 0:
	case s.Flags&(SYN|ACK) == SYN|ACK && c.server != next: // not a repetition
		h.connections[f] = connection{first: s.Ack - 1, server: next}
	case s.Flags&(SYN|FIN) == FIN && s.Seq == c.server:
		c.server, c.serverFinished = next, true
		h.connections[f] = c
	}
}

// ipPacket is an IP packet or the first fragment of one.
type ipPacket struct {
	src, dst netip.Addr
	ttl      uint8 // IPv6 calls it hop limit
	proto    uint8
	payload  []byte
}

// forwarded reports whether the packet came from outside.
func (ip ipPacket) forwarded() bool { return ip.ttl == ttl-1 }

// passage is how the packet left.
func (ip ipPacket) passage(tun int) *passage {
	s, _ := ip.segment()
	by := &passage{tun: tun, from: netip.AddrPortFrom(ip.src, 0), to: netip.AddrPortFrom(ip.dst, 0), seq: s.Seq, ack: s.Ack}
	if ip.proto == unix.IPPROTO_UDP || ip.proto == unix.IPPROTO_TCP {
		by.from = netip.AddrPortFrom(ip.src, binary.BigEndian.Uint16(ip.payload))
		by.to = netip.AddrPortFrom(ip.dst, binary.BigEndian.Uint16(ip.payload[2:]))
	}
	return by
}

// parseIP reports false if b is not the beginning of an IP packet. A fragment
// header is the only extension header that it knows.
func parseIP(b []byte) (ipPacket, bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		return parseIPv4(b)
	case len(b) >= 40 && b[0]>>4 == 6:
		return parseIPv6(b)
	}
	return ipPacket{}, false
}

func parseIPv4(b []byte) (ipPacket, bool) {
	header := int(b[0]&0xf) * 4
	offset := binary.BigEndian.Uint16(b[6:]) & 0x1fff
	if len(b) < header || offset != 0 {
		return ipPacket{}, false
	}
	return ipPacket{
		src:     netip.AddrFrom4([4]byte(b[12:])),
		dst:     netip.AddrFrom4([4]byte(b[16:])),
		ttl:     b[8],
		proto:   b[9],
		payload: b[header:],
	}, true
}

func parseIPv6(b []byte) (ipPacket, bool) {
	ip := ipPacket{
		src:     netip.AddrFrom16([16]byte(b[8:])),
		dst:     netip.AddrFrom16([16]byte(b[24:])),
		ttl:     b[7],
		proto:   b[6],
		payload: b[40:],
	}
	if ip.proto != unix.IPPROTO_FRAGMENT {
		return ip, true
	}
	if len(ip.payload) < 8 || binary.BigEndian.Uint16(ip.payload[2:])>>3 != 0 {
		return ipPacket{}, false
	}
	ip.proto, ip.payload = ip.payload[0], ip.payload[8:]
	return ip, true
}

func (ip ipPacket) segment() (Segment, bool) {
	b := ip.payload
	if ip.proto != unix.IPPROTO_TCP || len(b) < 20 {
		return Segment{}, false
	}
	return Segment{
		Src:   netip.AddrPortFrom(ip.src, binary.BigEndian.Uint16(b)),
		Dst:   netip.AddrPortFrom(ip.dst, binary.BigEndian.Uint16(b[2:])),
		Seq:   binary.BigEndian.Uint32(b[4:]),
		Ack:   binary.BigEndian.Uint32(b[8:]),
		Flags: TCPFlags(b[13]),
		Inner: ip.forwarded(),
	}, true
}

// answeredBy returns what a, which the host sent, is to p.
func (p Packet) answeredBy(a ipPacket) Answer {
	v6 := p.Src.Is6()
	switch {
	case a.dst != p.Src || len(a.payload) < 8:
		return NoAnswer
	case a.proto == Ping.number(v6):
		return p.answeredByICMP(a)
	case a.proto != p.Proto.number(v6) || !p.answeredFrom(a.src) ||
		binary.BigEndian.Uint16(a.payload) != p.DstPort ||
		binary.BigEndian.Uint16(a.payload[2:]) != p.SrcPort:
		return NoAnswer
	}
	if s, ok := a.segment(); ok && s.Flags&RST != 0 {
		return Reset
	}
	return OtherAnswer
}

// answeredFrom reports whether src may answer p: what was sent to a group or to
// all is answered from an address of the host's choice.
func (p Packet) answeredFrom(src netip.Addr) bool {
	return src == p.Dst || p.Dst != ownAddr(p.Dst.Is6())
}

func (p Packet) answeredByICMP(a ipPacket) Answer {
	types := icmpTypesOf(p.Src.Is6())
	m := a.payload
	if m[0] == types.echoReply {
		if p.Proto == Ping && p.answeredFrom(a.src) && binary.BigEndian.Uint16(m[4:]) == p.SrcPort {
			return OtherAnswer
		}
		return NoAnswer
	}
	quoted, ok := parseIP(m[8:])
	switch {
	case !ok || quoted.src != p.Src || quoted.dst != p.Dst ||
		quoted.proto != p.Proto.number(p.Src.Is6()) || !p.begins(quoted.payload):
		return NoAnswer
	case m[0] == types.unreachable && m[1] == types.portUnreachable:
		return Unreachable
	}
	return OtherAnswer
}

// begins reports whether b, what follows an IP header, begins as p's does.
func (p Packet) begins(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	if p.Proto == Ping {
		return b[0] == icmpTypesOf(p.Src.Is6()).echo && binary.BigEndian.Uint16(b[4:]) == p.SrcPort
	}
	return p.comesFrom(b) && binary.BigEndian.Uint16(b[2:]) == p.DstPort
}

// comesFrom reports whether b, what follows an IP header, has p's source port.
func (p Packet) comesFrom(b []byte) bool {
	return len(b) >= 4 && binary.BigEndian.Uint16(b) == p.SrcPort
}
