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

// readAnswers empties the TUN devices that answers to p leave by. It notes what
// the host says of connections and returns the first answer to p.
func (h *Host) readAnswers(p Packet) (Answer, error) {
	answer, err := h.readAnswersFrom(h.tun, p)
	if err != nil || h.tuns[p.Iface] == h.tun {
		return answer, err
	}
	// Packets from link-local addresses are answered where they arrived.
	other, err := h.readAnswersFrom(h.tuns[p.Iface], p)
	if answer == NoAnswer {
		answer = other
	}
	return answer, err
}

func (h *Host) readAnswersFrom(tun int, p Packet) (Answer, error) {
	answer := NoAnswer
	for {
		n, err := unix.Read(tun, h.buf[:])
		if err == unix.EAGAIN {
			return answer, nil
		}
		if err != nil {
			return answer, fmt.Errorf("read answers: %w", err)
		}
		a, ok := parseIP(h.buf[:n])
		if !ok {
			continue
		}
		if answer == NoAnswer {
			answer = p.answeredBy(a)
		}
		if s, ok := a.segment(); ok {
			h.note(s)
		}
	}
}

func (h *Host) note(s segment) {
	f := flow{client: s.dst, server: s.src}
	next := s.seq + 1
	switch {
	case s.flags&RST != 0 && s.seq == h.connections[f].server: // as RFC 9293 section 3.10.7.4 has it
		delete(h.connections, f)
	case s.flags&RST != 0:
	case s.flags&SYN != 0 && h.connections[f].server != next: // not a repetition
		h.connections[f] = connection{server: next}
	}
}

// ipPacket is an IP packet or the first fragment of one.
type ipPacket struct {
	src, dst netip.Addr
	proto    uint8
	payload  []byte
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
		proto:   b[9],
		payload: b[header:],
	}, true
}

func parseIPv6(b []byte) (ipPacket, bool) {
	ip := ipPacket{
		src:     netip.AddrFrom16([16]byte(b[8:])),
		dst:     netip.AddrFrom16([16]byte(b[24:])),
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

// segment is a TCP segment that the host sent.
type segment struct {
	src, dst netip.AddrPort
	seq      uint32
	flags    TCPFlags
}

func (ip ipPacket) segment() (segment, bool) {
	b := ip.payload
	if ip.proto != unix.IPPROTO_TCP || len(b) < 20 {
		return segment{}, false
	}
	return segment{
		src:   netip.AddrPortFrom(ip.src, binary.BigEndian.Uint16(b)),
		dst:   netip.AddrPortFrom(ip.dst, binary.BigEndian.Uint16(b[2:])),
		seq:   binary.BigEndian.Uint32(b[4:]),
		flags: TCPFlags(b[13]),
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
	if s, ok := a.segment(); ok && s.flags&RST != 0 {
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
	return binary.BigEndian.Uint16(b) == p.SrcPort && binary.BigEndian.Uint16(b[2:]) == p.DstPort
}
