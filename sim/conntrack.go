package sim

import (
	"net/netip"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// How long an idle flow of datagrams lasts: the kernel's defaults
// (nf_conntrack_proto_udp.c, nf_conntrack_proto_icmp.c).
const (
	udpIdle       = 30 * time.Second
	pingIdle      = 30 * time.Second
	udpStreamIdle = 2 * time.Minute
	udpStreamFrom = 2 * time.Second // a flow that has lasted longer is a stream
)

// How long an idle flow of TCP lasts if the host is assumed to answer: it is unknown
// when it answers, and the rest of a conversation may be left out.
const (
	tcpTrusted    = 5 * 24 * time.Hour
	tcpTrustedFIN = 2 * time.Minute
)

// flow is one that was let in, or that would have been answered if it had been.
type flow struct {
	since, expires time.Duration
	tcp            tcpState
	own            bool // the host has begun it
	answered       bool // both sides have sent
	refused        bool // not let in: whatever the host sends in it, it has not begun it
}

// conntrack knows the flows that were let in, and in a capture those of UDP that were
// not: they tell what answers a datagram from what the host began. A flow ends with its
// RST; in the kernel a later segment may still pass for some seconds, if its
// sequence number fits.
type conntrack struct {
	flows  table[flow]
	others map[netip.Addr]uint64 // numbers of the hosts that flows lead to, from 1 on
	doubts table[possibleFlows]  // of flows that are in doubt
}

// maxOthers is how many other hosts there is room for in the key of a flow. To more than
// that no flows are known.
const maxOthers = 1<<22 - 1

// flowKey is the key of the packet's five-tuple; the host's own address is always the
// same. It is false if no flow can have it.
func (r *run) flowKey(add bool) (key, bool) {
	p := r.packet
	id := uint64(p.SrcPort)<<24 | uint64(p.DstPort)<<8 | uint64(p.Proto)
	if p.Proto == lang.Ping {
		id &^= 0xffff << 8
	}
	if r.v6 {
		id |= 1 << 62
	}
	if p.To.IsValid() {
		n := r.machine.flows.other(p.To, add)
		if n == 0 {
			return key{}, false
		}
		id |= n << 40
	}
	return key{r.hi, r.lo, id}, true
}

// other is the number of another host; 0 if it has none.
func (c *conntrack) other(a netip.Addr, add bool) uint64 {
	n := c.others[a]
	if n == 0 && add && len(c.others) < maxOthers {
		if c.others == nil {
			c.others = map[netip.Addr]uint64{}
		}
		n = uint64(len(c.others) + 1)
		c.others[a] = n
	}
	return n
}

// live is the flow that the packet belongs to, nil if none was let in. In TIME_WAIT a
// SYN ends the flow, and begins another if it is let in.
func (c *conntrack) live(r *run) *flow {
	k, ok := r.flowKey(false)
	if !ok || r.packet.Alone {
		return nil
	}
	f := c.flows.find(k)
	if f != nil && f.tcp == tcpTimeWait && r.packet.Flags.IsSYN() {
		f.expires = r.now
	}
	if f == nil || r.now >= f.expires || f.refused {
		return nil
	}
	return f
}

// state is what the kernel would call the packet's state.
func (c *conntrack) state(r *run) compiler.ConnState {
	p, f := r.packet, r.flow
	var tcp tcpState
	if f != nil {
		tcp = f.tcp
	}
	switch {
	case p.Proto == lang.TCP && !validFlags(p.Flags):
		return compiler.StateInvalid
	case p.Proto == lang.TCP && tcp.next(p.Flags, f != nil && f.own) == tcpInvalid:
		return compiler.StateInvalid
	case f != nil && (f.answered || f.own):
		return compiler.StateEstablished
	}
	return compiler.StateNew
}

// accepted takes note of a packet that the host got. One that it does not answer
// leaves a new flow new.
func (c *conntrack) accepted(r *run) {
	p := r.packet
	if p.Alone || p.Broadcast || r.state == compiler.StateInvalid {
		return
	}
	f := r.flow
	if f == nil {
		if f = c.begin(r); f == nil {
			return
		}
	}
	f.sent(r, f.own)
	if !p.Unanswered {
		f.trust(r)
	}
}

// passed takes note of a packet that the rest of the host decides about. What becomes of
// it nobody knows, unless the packet says so or belongs to a flow.
func (c *conntrack) passed(r *run) {
	if r.flow != nil || r.packet.Answered || r.packet.Unanswered {
		c.accepted(r)
	}
}

// refused takes note of a datagram that the host did not get, but has answered perhaps
// when it was recorded.
func (c *conntrack) refused(r *run) {
	if p := r.packet; p.Proto == lang.UDP && p.Unanswered && !p.Alone && r.flow == nil {
		if f := c.begin(r); f != nil {
			*f = flow{refused: true, expires: after(r.now, udpIdle)}
		}
	}
}

// answered takes note of a packet that the host has sent: in a flow that was let in, or
// as the first of its own. In one that was not let in, it would not have sent anything.
func (c *conntrack) answered(r *run) {
	p := r.packet
	if p.Proto == lang.TCP && !validFlags(p.Flags) {
		return
	}
	f := c.live(r)
	if f == nil && c.begins(r) {
		if f = c.begin(r); f != nil {
			f.own = true
		}
	}
	if f != nil {
		f.sent(r, !f.own)
	}
}

// begins reports whether a packet that the host has sent in no flow begins one.
func (c *conntrack) begins(r *run) bool {
	switch r.packet.Proto {
	case lang.TCP:
		return r.packet.Flags.IsSYN()
	case lang.UDP:
		k, _ := r.flowKey(true)
		f := c.flows.find(k)
		return f == nil || !f.refused || r.now >= f.expires
	}
	return false
}

// begin makes the packet's flow, or makes it again; nil if there is no room for it.
func (c *conntrack) begin(r *run) *flow {
	now := r.now
	k, ok := r.flowKey(true)
	if !ok {
		return nil
	}
	f := c.flows.find(k)
	if f == nil {
		c.flows.insert(k, flow{}, func(f *flow) bool { return now >= f.expires })
		f = c.flows.find(k)
	}
	*f = flow{since: now}
	return f
}

// sent takes note of a packet of the flow, from whoever began it or in answer.
func (f *flow) sent(r *run, answer bool) {
	p, now := r.packet, r.now
	switch {
	case p.Proto == lang.TCP:
		f.segment(p.Flags, now, answer)
		return
	case p.Proto == lang.UDP && f.answered && r.over(f.since, udpStreamFrom):
		f.expires = after(now, udpStreamIdle)
	case p.Proto == lang.UDP:
		f.expires = after(now, udpIdle)
	default:
		f.expires = after(now, pingIdle)
	}
	f.answered = f.answered || answer
}

// segment is sent for TCP. A SYN that is sent again does not make the flow last longer.
func (f *flow) segment(flags lang.Flags, now time.Duration, answer bool) {
	before, next := f.tcp, f.tcp.next(flags, answer)
	if next == tcpInvalid {
		return
	}
	answered := f.answered
	f.answered = answered || answer
	switch {
	case next == tcpIgnored, next == tcpSynSent && before == tcpSynSent:
		return
	case next == tcpClosed:
		f.expires = now
		return
	case next == tcpEstablished && !answered:
		f.expires = after(now, tcpPickedUp)
	default:
		f.expires = after(now, tcpIdle[next])
	}
	f.tcp = next
}

// trust takes it that the host answers the packet at once.
func (f *flow) trust(r *run) {
	f.answered = true
	switch {
	case r.packet.Proto != lang.TCP || r.packet.Flags&lang.RST != 0:
		return
	case r.packet.Flags&lang.FIN != 0:
		f.expires = after(r.now, tcpTrustedFIN)
	default:
		f.expires = after(r.now, tcpTrusted)
	}
	if next := f.tcp.answered(); next < tcpStates {
		f.tcp = next
	}
}
