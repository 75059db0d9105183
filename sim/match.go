package sim

import (
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// condition is that of an instruction that looks at the packet alone and is not run
// often enough to have an opcode; nil if it is none. What depends on a family is only
// run for packets of it.
func condition(i compiler.Instruction) func(*run) bool {
	switch i := i.(type) {
	case compiler.Iface:
		if i.Wildcard {
			return func(r *run) bool { return strings.HasPrefix(r.packet.Iface, i.Name) }
		}
		return func(r *run) bool { return r.packet.Iface == i.Name }
	case compiler.L4Proto:
		return func(r *run) bool { return r.l4Proto() == i.Number }
	case compiler.Source:
		return func(r *run) bool {
			return slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(r.packet.Src) })
		}
	case compiler.Destination:
		return func(r *run) bool {
			return r.packet.To.IsValid() && slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(r.packet.To) })
		}
	case compiler.ICMP:
		isEcho := slices.Contains(i.Types, compiler.EchoRequest[i.Family])
		return func(r *run) bool { return isEcho && r.packet.Proto == lang.Ping }
	case compiler.Length:
		return func(r *run) bool { return (r.headerLength() == int(i.Bytes)) != i.Not }
	}
	return nil
}

// isTo reports whether the packet is addressed to that kind of address. A simulated
// packet is not known to be a broadcast rather than a multicast.
func (p *Packet) isTo(kind compiler.AddrKind) bool {
	switch kind {
	case compiler.AddrLocal:
		return !p.Broadcast && !p.GoesOn()
	case compiler.AddrBroadcast, compiler.AddrMulticast:
		return p.Broadcast
	}
	return false
}

// l4Proto is the number of the packet's transport protocol.
func (r *run) l4Proto() uint8 {
	switch {
	case r.packet.Proto == lang.TCP:
		return compiler.ProtoTCP
	case r.packet.Proto == lang.UDP:
		return compiler.ProtoUDP
	case r.v6:
		return compiler.ProtoICMPv6
	}
	return compiler.ProtoICMP
}

// headerLength is what the length field of the packet's IP header holds, as far as
// a rule may ask for it: of an echo request without options or extension headers.
func (r *run) headerLength() int {
	switch {
	case r.packet.Proto != lang.Ping:
		return -1
	case r.v6:
		return 8 + r.packet.Length
	}
	return 20 + 8 + r.packet.Length
}
