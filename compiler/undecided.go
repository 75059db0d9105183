package compiler

import "net/netip"

// The types of ICMP (RFC 792) and ICMPv6 messages (RFC 4443, 4861, 2710, 3810).
const (
	icmpUnreachable = 3
	icmpEcho        = 8
	icmpTime        = 11
	icmpParameter   = 12

	icmpv6Unreachable     = 1
	icmpv6TooBig          = 2
	icmpv6Time            = 3
	icmpv6Parameter       = 4
	icmpv6Echo            = 128
	icmpv6ListenerQuery   = 130
	icmpv6ListenerReport  = 131
	icmpv6ListenerDone    = 132
	icmpv6RouterSolicit   = 133
	icmpv6RouterAdvert    = 134
	icmpv6NeighborSolicit = 135
	icmpv6NeighborAdvert  = 136
	icmpv6ListenerReport2 = 143
)

// EchoRequest is the type of a family's echo requests.
var EchoRequest = [...]uint8{IPv4: icmpEcho, IPv6: icmpv6Echo}

// undecided is, with `default drop`, the end of the host's firewall: what a host
// cannot live without, and nothing else.
func (b *builder) undecided() {
	if !b.policy.Settings.DefaultDrop {
		return
	}
	c := b.chain("undecided", "packets that no rule has decided: a host needs some of them")
	c.add("a SYN in a connection", CtState{States: StateEstablished | StateRelated}, accept)
	c.add("errors, echo", ICMP{IPv4, []uint8{icmpUnreachable, icmpTime, icmpParameter, icmpEcho}}, accept)
	c.add("errors, echo", ICMP{IPv6, []uint8{icmpv6Unreachable, icmpv6TooBig, icmpv6Time, icmpv6Parameter, icmpv6Echo}}, accept)
	c.add("neighbours, routers", ICMP{IPv6, []uint8{icmpv6RouterSolicit, icmpv6RouterAdvert, icmpv6NeighborSolicit, icmpv6NeighborAdvert}}, accept)
	c.add("multicast listeners", ICMP{IPv6, []uint8{icmpv6ListenerQuery, icmpv6ListenerReport, icmpv6ListenerDone, icmpv6ListenerReport2}}, accept)
	c.add("multicast groups", L4Proto{ProtoIGMP}, accept)
	linkLocal := Source{IPv6, []netip.Prefix{netip.MustParsePrefix("fe80::/10")}}
	c.add("dhcpv6 answers", linkLocal, Dispatch{Entries: []DispatchEntry{{ProtoUDP, 546, 546, accept}}})
	c.add("", Verdict{Kind: Drop})
}
