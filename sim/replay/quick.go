package replay

import (
	"time"

	"knockc/compiler"
	"knockc/lang/trace"
	"knockc/sim"
)

// Counts is what became of packets.
type Counts struct{ Accepted, Dropped, Rejected int }

// Packets is how many they were.
func (c Counts) Packets() int { return c.Accepted + c.Dropped + c.Rejected }

// Add counts a packet.
func (c *Counts) Add(v compiler.VerdictKind) {
	switch v {
	case compiler.Accept:
		c.Accepted++
	case compiler.Rejected:
		c.Rejected++
	default:
		c.Dropped++
	}
}

// Count plays the packets of a trace until most events have passed or the trace is at
// its end, and counts what became of them. It stops, and is false, where the trace
// expects something: that it does not look at.
func (p *Player) Count(r *trace.Reader, most int, c *Counts) (more, ok bool) {
	for range most {
		e := r.Next()
		switch {
		case e == nil:
			return false, true
		case e.Packet == nil || e.Packet.Want != "":
			return false, false
		case e.Packet.Range == nil:
			p.take(e.Packet, e.At, e.Packet.DstPort)
			c.Add(p.machine.Verdict(&p.last))
		default:
			at := e.At
			for port := range e.Packet.Range.Ports() {
				p.take(e.Packet, at, port)
				c.Add(p.machine.Verdict(&p.last))
				at += e.Packet.Range.Every
			}
		}
	}
	return true, true
}

// Verdict plays a packet that is of no event and says no more than what became of it.
func (p *Player) Verdict(packet *sim.Packet) compiler.VerdictKind { return p.machine.Verdict(packet) }

// take makes a packet of a trace the last one.
func (p *Player) take(k *trace.Packet, at time.Duration, port uint16) {
	s := &p.last
	s.Time, s.Iface, s.Src, s.SrcPort, s.DstPort = at, trace.DefaultIface, k.Src, k.SrcPort, port
	s.Proto, s.Flags, s.Length, s.Unanswered = k.Proto, k.Flags, 0, k.Unanswered != nil
	if k.On != nil {
		s.Iface = k.On.Text
	}
	if k.Ping != nil {
		s.Length = int(k.Ping.Length)
	}
}
