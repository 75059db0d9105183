package compiler

import (
	"time"

	"knockc/lang"
)

// synMask masks the flags that tell a SYN from other segments.
const synMask = lang.FIN | lang.SYN | lang.RST | lang.ACK

var (
	accept = Verdict{Kind: Accept}
	leave  = Verdict{Kind: Return}

	isSYN     = TCPFlags{Flags: lang.SYN, Mask: synMask}
	isNew     = CtState{States: StateNew}
	isValid   = CtState{States: StateInvalid, Not: true} // a bad checksum is invalid
	toTheHost = AddrType{Kind: AddrLocal}
)

// letIn is where it is noted that a packet was let in, until the client sends a FIN or RST.
// A handshake is done sooner than that, or given up (nf_conntrack_proto_tcp.c, SYN_RECV).
var letIn = Place{Kind: LetIn, Per: lang.Per{IPv4: 32, IPv6: 128}}

const handshake = time.Minute

// repeats adds rules with the verdict about a SYN that is sent again before the handshake
// is done. That a connection is not assured does not say so: it never is if the client
// sends a FIN at once.
func (c *Chain) repeats(v Verdict) {
	for _, f := range Families {
		c.add("a SYN sent again", isSYN, CtState{States: StateEstablished}, CtStatus{Assured, true}, lookup(letIn, f), v)
	}
}

func jump(chain string) Verdict { return Verdict{Jump, chain} }
func to(chain string) Verdict   { return Verdict{Goto, chain} }

// guard is the base chain that every packet enters. However many knocks there are, it
// has the same rules. Packets that it does not decide are left to the rest of the host.
func (b *builder) guard() {
	s := &b.policy.Settings
	c := b.chain(guardChain, "every packet that arrives")
	c.Hook = &Hook{[...]HookPoint{lang.HookPrerouting: Prerouting, lang.HookInput: Input}[s.Hook], s.Priority}
	c.add(mark(b.policy), Iface{Name: "lo"}, accept)
	c.add(settings(s), CtState{States: StateEstablished | StateRelated}, jump("established"))
	b.trust(c, to("trusted"))
	b.ifResettable(c, lang.ResetAny, jump("any_resets"))
	if len(b.pings) > 0 {
		for _, f := range Families {
			c.add("", echoRequest(f), jump("pings"))
		}
	}
	ports := entries(b.steps, func(p *point) Verdict { return jump(stepsChain(p.proto)) })
	ports = append(ports, entries(b.services, func(p *point) Verdict {
		if p.isElsewhere() {
			return jump(elsewhere("asked"))
		}
		return jump("asked")
	})...)
	c.dispatch("ports", "where packets to a port go", ports)
	b.guarded(c, jump("lost"))
	if s.Hook == lang.HookInput {
		b.opened(c, "opens", b.opens)
		b.end(c)
	}
}

// end leads to the end of a `default drop` firewall.
func (b *builder) end(c *Chain) {
	if b.policy.Settings.DefaultDrop {
		c.add("", to("undecided"))
	}
}

// established accepts what belongs to a connection that was let in, less what may be an
// attempt all the same.
func (b *builder) established() {
	c := b.chain("established", "part of a connection, but an attempt all the same?")
	c.add("", isSYN, leave)
	if b.needs(lang.TCP) {
		b.bids(c)
	}
	if len(b.pings) > 0 {
		for _, f := range Families {
			c.add("", echoRequest(f), leave)
		}
	}
	c.add("", accept)
}

// bids adds rules for the segments by which a client ends its connection.
func (b *builder) bids(c *Chain) {
	for _, flag := range []lang.Flags{lang.FIN, lang.RST} {
		c.add("", TCPFlags{Flags: flag, Mask: flag}, jump("farewell"))
	}
	c = b.chain("farewell", "no SYN of this connection is sent again after that")
	for _, f := range Families {
		c.add("", Delete{letIn.Key(f), letIn.Kind.SetName(f)})
	}
}

func echoRequest(f Family) ICMP {
	return ICMP{f, []uint8{[...]uint8{IPv4: icmpEcho, IPv6: icmpv6Echo}[f]}}
}
