package replay

import (
	"net/netip"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// setPacket makes p a packet of a trace.
func setPacket(p *sim.Packet, k *trace.Packet, at time.Duration, port uint16) {
	p.Time, p.Iface, p.Src, p.SrcPort, p.DstPort = at, trace.DefaultIface, k.Src, k.SrcPort, port
	p.Proto, p.Flags, p.Length, p.Code = k.Proto, k.Flags, 0, codes.Code{}
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
