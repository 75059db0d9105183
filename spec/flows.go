package spec

import (
	"net/netip"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// flow is a conversation of a source's port with a port of the host, or of another.
type flow struct {
	src     netip.AddrPort
	to      netip.Addr
	proto   lang.Proto
	dstPort uint16
}

// flowState is what is known of a flow that was let in and answered.
type flowState struct {
	began, ends time.Duration
	unanswered  bool // begun by a SYN that the host did not answer: not established
	challenged  bool // by a SYN that the host answered with something else than a SYN/ACK
	handshake   bool // begun by a SYN that was not yet acknowledged
	fins        int  // that came
	closed      bool // the host has sent a FIN
	over        bool // both have, and the last of them is acknowledged
}

func flowOf(p *trace.Packet) flow {
	f := flow{src: netip.AddrPortFrom(p.Src, p.SrcPort), proto: p.Proto, dstPort: p.DstPort}
	if p.To != nil {
		f.to = p.To.Addr
	}
	return f
}

// live reports whether the packet's five-tuple is that of a living flow. After a
// second FIN a SYN ends it, and begins another if it is let in.
func (m *Model) live(at time.Duration, p *trace.Packet) bool {
	if f := m.flows[flowOf(p)]; (f.fins > 1 || f.over) && isSYN(p) {
		delete(m.flows, flowOf(p))
	}
	f, ok := m.flows[flowOf(p)]
	return ok && at < f.ends
}

// established reports whether the packet belongs to a living flow. A segment
// that TCP would never send belongs to none.
func (m *Model) established(at time.Duration, p *trace.Packet) bool {
	f := m.flows[flowOf(p)]
	if !m.live(at, p) || f.unanswered && !f.challenged {
		return false
	}
	if p.Proto != lang.TCP {
		return true
	}
	flags := p.Flags & (lang.SYN | lang.FIN | lang.RST | lang.ACK)
	if f.challenged && flags != lang.SYN && flags&lang.RST == 0 {
		return false
	}
	switch flags {
	case lang.SYN, lang.ACK, lang.FIN | lang.ACK:
		return true
	case lang.RST, lang.RST | lang.ACK:
		return p.Flags&lang.URG == 0
	case lang.SYN | lang.ACK:
		return p.Flags&lang.URG == 0 && m.flows[flowOf(p)].handshake
	}
	return false
}

// accepted notes a packet that was let in. Unless the trace says otherwise the host
// answers each at once, so that its flow is established from then on, if the packet
// can begin one.
func (m *Model) accepted(at time.Duration, p *trace.Packet) {
	if p.SrcPort == 0 {
		return
	}
	key := flowOf(p)
	known := m.live(at, p) && !m.flows[key].unanswered
	if !known && !m.isNew(at, p) || known && !m.established(at, p) {
		return
	}
	if !known && p.Unanswered != nil {
		m.unanswered(at, p)
		return
	}
	f := m.flows[key]
	if !known {
		f = flowState{began: at, handshake: p.Proto == lang.TCP}
	}
	f.handshake = f.handshake && p.Flags&lang.SYN != 0
	f.ends = at + idleTime(p, at-f.began)
	switch {
	case p.Proto == lang.TCP && p.Flags&lang.FIN != 0:
		f.fins++
	case f.closed && f.fins > 0 && p.Flags&lang.ACK != 0:
		f.over = true
	}
	m.flows[key] = f
}

// Answer notes a TCP segment that the host sends in a flow; p has the addresses and
// ports of a packet that arrives in it. It is for packets that are not assumed to be
// answered.
func (m *Model) Answer(at time.Duration, p *trace.Packet) {
	key := flowOf(p)
	f, ok := m.flows[key]
	switch {
	case !ok || at >= f.ends:
	case p.Flags&lang.RST != 0:
		delete(m.flows, key)
	case p.Flags&lang.SYN != 0 && f.unanswered:
		m.flows[key] = flowState{began: at, handshake: true, ends: at + 5*24*time.Hour}
	case f.unanswered:
		f.challenged = true
		m.flows[key] = f
	case p.Flags&lang.FIN != 0:
		f.closed = true
		m.flows[key] = f
	case f.closed && f.fins > 0:
		f.over = true
		m.flows[key] = f
	}
}

// unanswered notes a packet that was let in, but is not answered. That matters after a
// SYN: what is no answer to an answer is invalid.
func (m *Model) unanswered(at time.Duration, p *trace.Packet) {
	switch {
	case p.Proto != lang.TCP:
	case p.Flags&lang.RST != 0:
		delete(m.flows, flowOf(p))
	case isSYN(p) && !m.live(at, p):
		m.flows[flowOf(p)] = flowState{unanswered: true, ends: at + 2*time.Minute}
	}
}

// isNew reports whether a packet that is not established is new, and not invalid: one
// that can be the first of a flow. After a SYN without an answer it is another, or a RST.
func (m *Model) isNew(at time.Duration, p *trace.Packet) bool {
	if p.Proto != lang.TCP {
		return true
	}
	switch p.Flags & (lang.SYN | lang.FIN | lang.RST | lang.ACK) {
	case lang.SYN:
		return true
	case lang.ACK:
		return !m.live(at, p)
	case lang.RST, lang.RST | lang.ACK:
		return m.live(at, p) && p.Flags&lang.URG == 0
	}
	return false
}

// idleTime is how long a flow lives after a packet if no other comes.
func idleTime(p *trace.Packet, age time.Duration) time.Duration {
	switch {
	case p.Proto == lang.Ping:
		return 30 * time.Second
	case p.Proto == lang.UDP && age > 2*time.Second:
		return 2 * time.Minute
	case p.Proto == lang.UDP:
		return 30 * time.Second
	case p.Flags&lang.RST != 0:
		return 0
	case p.Flags&lang.FIN != 0:
		return 2 * time.Minute
	}
	return 5 * 24 * time.Hour
}
