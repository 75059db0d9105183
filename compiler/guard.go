package compiler

import "example.org/knockc/lang"

var (
	accept = Verdict{Kind: Accept}
	leave  = Verdict{Kind: Return}

	isSYN   = TCPFlags{Flags: lang.SYN, Mask: lang.SYNMask}
	isNew   = CtState{States: StateNew}
	isValid = CtState{States: StateInvalid, Not: true} // a bad checksum is invalid
)

// toTheHost are the conditions that a packet is addressed to the host itself. At the hook
// input all are that are not to several hosts. Their addresses need not be of the type
// local there: in a VRF, or by a routing table of one's own, they are in another table.
func (b *builder) toTheHost() []Instruction {
	if b.policy.Settings.Hook == lang.HookPrerouting {
		return []Instruction{AddrType{Kind: AddrLocal}}
	}
	var all []Instruction
	for _, kind := range []AddrKind{AddrBroadcast, AddrMulticast, AddrAnycast} {
		all = append(all, AddrType{Kind: kind, Not: true})
	}
	return all
}

func jump(chain string) Verdict { return Verdict{Jump, chain} }
func to(chain string) Verdict   { return Verdict{Goto, chain} }

// guard is the base chain that every packet enters. However many knocks there are, it
// has the same rules. Packets that it does not decide are left to the rest of the host.
func (b *builder) guard() {
	s := &b.policy.Settings
	c := b.chain(guardChain, "all packets that arrive")
	c.Hook = &Hook{[...]HookPoint{lang.HookPrerouting: Prerouting, lang.HookInput: Input}[s.Hook], s.Priority}
	c.add(b.mark(), Iface{Name: "lo"}, accept)
	c.add(settings(s), CtState{States: StateEstablished | StateRelated}, jump("established"))
	b.trust(c, to("trusted"))
	b.ifResettable(c, lang.ResetAny, jump("any_resets"))
	if len(b.pings) > 0 {
		for _, f := range Families {
			c.add("", echoRequest(f), jump("pings"))
		}
	}
	ports := entries(b.steps, func(p *point) Verdict { return jump(stepsChain(p.Proto)) })
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
	c := b.chain("established", "part of a connection, but still an attempt?")
	c.add("", isSYN, leave)
	if len(b.pings) > 0 {
		for _, f := range Families {
			c.add("", echoRequest(f), leave)
		}
	}
	c.add("", accept)
}

func echoRequest(f Family) ICMP {
	return ICMP{f, []uint8{EchoRequest[f]}}
}
