package replay

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/capture"
)

// ErrExpects ends the packets of a trace where it expects something.
var ErrExpects = errors.New("the trace expects something")

// FromTrace reads the packets of a trace that expects nothing.
func FromTrace(r *trace.Reader) Source { return &traceSource{reader: r} }

type traceSource struct {
	reader *trace.Reader
	event  trace.Event // that has more packets
	at     time.Duration
	ports  []uint16 // of them
	all    []uint16 // the same, with those before
}

func (s *traceSource) Next(p *sim.Packet) (capture.Kind, error) {
	if len(s.ports) > 0 {
		s.at += s.event.Packet.Range.Every
		setPacket(p, s.event.Packet, s.at, s.ports[0])
		s.ports = s.ports[1:]
		return capture.ToHost, nil
	}
	e := s.reader.Next()
	switch {
	case e == nil:
		return 0, io.EOF
	case e.Packet == nil || e.Packet.Want != "" || e.Packet.Answered != nil:
		return 0, ErrExpects
	case e.Packet.Range == nil:
		setPacket(p, e.Packet, e.At, e.Packet.DstPort)
		return capture.ToHost, nil
	}
	s.all = slices.AppendSeq(s.all[:0], e.Packet.Range.Ports())
	s.event, s.at, s.ports = *e, e.At, s.all[1:]
	setPacket(p, e.Packet, e.At, s.all[0])
	return capture.ToHost, nil
}

// setPacket makes p a packet of a trace.
func setPacket(p *sim.Packet, k *trace.Packet, at time.Duration, port uint16) {
	p.Time, p.Iface, p.Src, p.SrcPort, p.DstPort = at, trace.DefaultIface, k.Src, k.SrcPort, port
	p.Proto, p.Flags, p.Length = k.Proto, k.Flags, 0
	p.Alone, p.Unanswered = k.SrcPort == 0, k.Unanswered != nil
	p.Answered, p.To = k.Answered != nil, netip.Addr{}
	if k.To != nil {
		p.To = k.To.Addr
	}
	if k.On != nil {
		p.Iface = k.On.Text
	}
	if k.Ping != nil {
		p.Length = int(k.Ping.Length)
	}
}
