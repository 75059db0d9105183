package sim

import (
	"time"

	"knockc/compiler"
	"knockc/lang"
)

// How long an idle flow lasts: the kernel's defaults (nf_conntrack_proto_tcp.c,
// nf_conntrack_proto_udp.c, nf_conntrack_proto_icmp.c).
const (
	tcpIdle       = 5 * 24 * time.Hour
	tcpUnanswered = 2 * time.Minute
	tcpFinIdle    = 2 * time.Minute
	udpIdle       = 30 * time.Second
	pingIdle      = 30 * time.Second
	udpStreamIdle = 2 * time.Minute
	udpStreamFrom = 2 * time.Second // a flow that has lasted longer is a stream
)

// flow is one that was let in, or that would have been answered if it had been.
type flow struct {
	since, expires time.Duration
	refused        bool // not let in: whatever the host sends in it, it has not begun it
	established    bool // the host has answered
	handshake      bool // the host has answered the SYN, and that is not over
	fins           int  // that came
}

// conntrack knows the flows that were let in, and in a capture those of UDP that were
// not: they tell what answers a datagram from what the host began. A flow ends with its RST; in the kernel
// a segment behind that may still pass for some seconds, if its sequence number fits.
type conntrack struct{ flows table[flow] }

// flowKey is the key of the packet's five-tuple; the host's address is always the same.
func (r *run) flowKey() key {
	p := r.packet
	id := uint64(p.SrcPort)<<24 | uint64(p.DstPort)<<8 | uint64(p.Proto)
	if p.Proto == lang.Ping {
		id &^= 0xffff << 8
	}
	if r.v6 {
		id |= 1 << 62
	}
	return key{r.hi, r.lo, id}
}

// live is the flow that the packet belongs to, nil if none was let in. When the host has
// acknowledged a second FIN, the kernel is in TIME_WAIT (tcp_conntracks), and a SYN
// ends the flow, and begins another if it is let in.
func (c *conntrack) live(r *run) *flow {
	if r.packet.SrcPort == 0 {
		return nil
	}
	f := c.flows.find(r.flowKey())
	if f != nil && f.fins > 1 && r.packet.Flags&synMask == lang.SYN {
		f.expires = r.now
	}
	if f == nil || r.now >= f.expires || f.refused {
		return nil
	}
	return f
}

// state is what the kernel would call the packet's state.
func (c *conntrack) state(r *run) compiler.ConnState {
	p, f := r.packet, c.live(r)
	established := f != nil && f.established
	switch {
	case p.Proto == lang.TCP && !validFlags(p.Flags):
		return compiler.StateInvalid
	case established && p.Proto == lang.TCP && p.Flags&(lang.SYN|lang.ACK) == lang.SYN|lang.ACK && !f.handshake:
		return compiler.StateInvalid
	case established:
		return compiler.StateEstablished
	case p.Proto == lang.TCP && !opens(p.Flags):
		return compiler.StateInvalid
	}
	return compiler.StateNew
}

// accepted takes note of a packet that the host got. One that it does not answer
// leaves a new flow new.
func (c *conntrack) accepted(r *run) {
	p := r.packet
	if p.SrcPort == 0 || p.Broadcast || r.state == compiler.StateInvalid {
		return
	}
	f := c.live(r)
	if f == nil {
		f = c.begin(r)
	}
	f.established = f.established || !p.Unanswered
	f.expires = after(r.now, f.idle(r.now, p))
	if p.Proto == lang.TCP && p.Flags&lang.FIN != 0 {
		f.fins++
	}
	f.handshake = f.handshake && p.Flags&lang.SYN != 0
}

// refused takes note of a datagram that the host did not get, but has answered perhaps
// when it was recorded.
func (c *conntrack) refused(r *run) {
	if p := r.packet; p.Proto == lang.UDP && p.Unanswered && p.SrcPort != 0 && c.live(r) == nil {
		*c.begin(r) = flow{refused: true, expires: after(r.now, udpIdle)}
	}
}

// answered takes note of a packet that the host has sent: in a flow that was let in, or
// as the first of its own. In one that was not let in, it would not have sent anything.
func (c *conntrack) answered(r *run) {
	p := r.packet
	f := c.live(r)
	switch {
	case f == nil && c.begins(r):
		f = c.begin(r)
		f.established, f.expires = true, after(r.now, f.idle(r.now, p))
	case f == nil:
	case p.Proto == lang.TCP && p.Flags&lang.RST != 0:
		f.expires = r.now
	default:
		f.established = true
	}
}

// begins reports whether a packet that the host has sent in no flow begins one.
func (c *conntrack) begins(r *run) bool {
	switch r.packet.Proto {
	case lang.TCP:
		return r.packet.Flags&synMask == lang.SYN
	case lang.UDP:
		f := c.flows.find(r.flowKey())
		return f == nil || !f.refused || r.now >= f.expires
	}
	return false
}

// begin makes the packet's flow, or makes it anew.
func (c *conntrack) begin(r *run) *flow {
	k, now := r.flowKey(), r.now
	f := c.flows.find(k)
	if f == nil {
		c.flows.insert(k, flow{}, func(f *flow) bool { return now >= f.expires })
		f = c.flows.find(k)
	}
	*f = flow{since: now, handshake: r.packet.Flags&lang.SYN != 0}
	return f
}

// idle is how long the flow lives after a packet if no other comes.
func (f *flow) idle(now time.Duration, p *Packet) time.Duration {
	switch {
	case p.Proto == lang.Ping:
		return pingIdle
	case p.Proto == lang.UDP && now-f.since > udpStreamFrom:
		return udpStreamIdle
	case p.Proto == lang.UDP:
		return udpIdle
	case p.Flags&lang.RST != 0:
		return 0
	case !f.established:
		return tcpUnanswered
	case p.Flags&lang.FIN != 0:
		return tcpFinIdle
	}
	return tcpIdle
}

// synMask masks the flags that tell a SYN from other segments.
const synMask = lang.FIN | lang.SYN | lang.RST | lang.ACK

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
	f &= synMask
	return f == lang.SYN || f == lang.ACK
}
