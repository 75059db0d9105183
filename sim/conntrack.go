package sim

import (
	"net/netip"
	"time"

	"knockc/compiler"
	"knockc/lang"
)

// How long an idle flow lasts: the kernel's defaults (nf_conntrack_proto_tcp.c,
// nf_conntrack_proto_udp.c, nf_conntrack_proto_icmp.c).
const (
	tcpIdle       = 5 * 24 * time.Hour
	tcpFinIdle    = 2 * time.Minute
	udpIdle       = 30 * time.Second
	pingIdle      = 30 * time.Second
	udpStreamIdle = 2 * time.Minute
	udpStreamFrom = 2 * time.Second // a flow that has lasted longer is a stream
)

type tuple struct {
	src     netip.Addr
	srcPort uint16
	proto   lang.Proto
	dstPort uint16 // 0 for pings
}

type flow struct {
	since, expires time.Duration
	answered       bool // the host has answered the SYN, the handshake is not over
}

// conntrack knows the flows that were let in. The host is taken to answer each
// of them at once. A flow ends with its RST; in the kernel a segment behind that
// may still pass for some seconds, if its sequence number fits.
type conntrack map[tuple]flow

func (p *Packet) tuple() tuple { return tuple{p.Src, p.SrcPort, p.Proto, p.DstPort} }

// state is what the kernel would call the packet's state.
func (c conntrack) state(p *Packet) compiler.ConnState {
	f, live := c[p.tuple()]
	live = live && p.SrcPort != 0 && p.Time < f.expires
	switch {
	case p.Proto == lang.TCP && !validFlags(p.Flags):
		return compiler.StateInvalid
	case live && p.Proto == lang.TCP && p.Flags&(lang.SYN|lang.ACK) == lang.SYN|lang.ACK && !f.answered:
		return compiler.StateInvalid
	case live:
		return compiler.StateEstablished
	case p.Proto == lang.TCP && !opens(p.Flags):
		return compiler.StateInvalid
	}
	return compiler.StateNew
}

// accepted takes note of a packet that the host got. One that it does not answer
// leaves a new flow new.
func (c conntrack) accepted(p *Packet, state compiler.ConnState) {
	if p.SrcPort == 0 || p.Broadcast || state == compiler.StateInvalid || state == compiler.StateNew && p.Unanswered {
		return
	}
	f := c[p.tuple()]
	if state == compiler.StateNew {
		f = flow{since: p.Time, answered: p.Flags&lang.SYN != 0}
	}
	switch {
	case p.Proto == lang.Ping:
		f.expires = p.Time + pingIdle
	case p.Proto == lang.UDP && p.Time-f.since > udpStreamFrom:
		f.expires = p.Time + udpStreamIdle
	case p.Proto == lang.UDP:
		f.expires = p.Time + udpIdle
	case p.Flags&lang.RST != 0:
		delete(c, p.tuple())
		return
	case p.Flags&lang.FIN != 0:
		f.expires = p.Time + tcpFinIdle
	default:
		f.expires = p.Time + tcpIdle
	}
	f.answered = f.answered && p.Flags&lang.SYN != 0
	c[p.tuple()] = f
}

// validFlags reports whether a segment's flags are among those that TCP uses
// (tcp_valid_flags in nf_conntrack_proto_tcp.c).
func validFlags(f lang.Flags) bool {
	switch f &^ lang.PSH {
	case lang.SYN, lang.SYN | lang.URG, lang.SYN | lang.ACK,
		lang.RST, lang.RST | lang.ACK,
		lang.FIN | lang.ACK, lang.FIN | lang.ACK | lang.URG,
		lang.ACK, lang.ACK | lang.URG:
		return true
	}
	return false
}

// opens reports whether a segment can be the first of a flow: a SYN, or an ACK
// of a flow that began before tracking did (nf_conntrack_tcp_loose).
func opens(f lang.Flags) bool {
	f &= lang.FIN | lang.SYN | lang.RST | lang.ACK
	return f == lang.SYN || f == lang.ACK
}
