package compiler

import (
	"cmp"
	"slices"

	"knockc/lang"
)

// baseChain is the name of the chain that every packet enters.
const baseChain = "guard"

// Result is a compiled policy.
type Result struct {
	Policy  *lang.Policy
	Ruleset *Ruleset
	Symbols *Symbols
}

// Compile turns a policy without errors into a ruleset. It finds what only the
// layout of the rules can show, two knocks whose state numbers collide; the
// result is nil then.
func Compile(p *lang.Policy) (*Result, []lang.Finding) {
	symbols, collisions := symbolTable(p)
	if lang.HasErrors(collisions) {
		return nil, collisions
	}
	b := &builder{
		policy: p, symbols: symbols, ports: ports(p), pings: pings(p),
		ruleset: &Ruleset{Table: p.Settings.Table},
		ends:    map[ending]bool{},
	}
	b.guards()
	b.findResets()
	for _, k := range p.Knocks {
		b.ruleset.Counters = append(b.ruleset.Counters, &Counter{stepsCounter(k)}, &Counter{openedCounter(k)})
	}
	b.guardChain()
	b.trusted()
	b.attempts()
	b.resets()
	b.pingChains()
	b.portChains()
	b.endingChains()
	b.undecided()
	b.refusal()
	b.sets()
	return &Result{p, b.ruleset, symbols}, nil
}

// Check finds what [Compile] would find, without compiling.
func Check(p *lang.Policy) []lang.Finding {
	_, found := symbolTable(p)
	return found
}

// builder makes a ruleset. Its methods add the chains that they are named for,
// as far as the policy needs them.
type builder struct {
	policy  *lang.Policy
	symbols *Symbols
	ruleset *Ruleset

	ports, pings []*point
	busy, doors  guard

	resetting [3][3]bool // by mode and protocol: whether a knock resets so

	endings []ending // whose chains are still to be made
	ends    map[ending]bool
	parts   int // how many chains hold what did not fit into one rule
}

func (b *builder) chain(name, comment string) *Chain {
	c := &Chain{Name: name, Comment: comment}
	b.ruleset.Chains = append(b.ruleset.Chains, c)
	return c
}

func stepsCounter(k *lang.Knock) string  { return k.Name.Text + "_steps" }
func openedCounter(k *lang.Knock) string { return k.Name.Text + "_opened" }

// sets are the sets of the kinds that the rules use.
func (b *builder) sets() {
	used := map[string]bool{}
	for _, c := range b.ruleset.Chains {
		for _, r := range c.Rules {
			for _, i := range r.Instructions {
				used[setOf(i)] = true
			}
		}
	}
	for kind, k := range setKinds {
		for _, f := range Families {
			if name := SetKind(kind).SetName(f); used[name] {
				b.ruleset.Sets = append(b.ruleset.Sets, &Set{name, k.comment, f, b.policy.Settings.Size})
			}
		}
	}
}

// setOf is the name of the set that an instruction uses, if any.
func setOf(i Instruction) string {
	switch i := i.(type) {
	case Lookup:
		return i.Set
	case Update:
		return i.Set
	case Delete:
		return i.Set
	}
	return ""
}

// guardChain is the base chain. However many knocks there are, it has the same
// rules.
func (b *builder) guardChain() {
	c := b.chain(baseChain, "every packet that arrives")
	c.Hook = &Hook{b.policy.Settings.Priority}
	c.add(mark(b.policy), CtState{States: StateEstablished | StateRelated}, Verdict{Kind: Accept})
	c.add(settings(&b.policy.Settings), Iface{Name: "lo"}, Verdict{Kind: Accept})
	b.trust(c)
	b.ifResettable(c, lang.ResetAny, Verdict{Jump, "any_resets"})
	if len(b.pings) > 0 {
		for _, f := range Families {
			c.add("", echoRequest(f), Verdict{Jump, "pings"})
		}
	}
	b.dispatchPorts(c)
	if b.policy.Settings.DefaultDrop {
		c.add("", Verdict{Goto, "undecided"})
	}
}

// entries are those of a dispatch of the ports that the policy names, as far as
// they have a verdict.
func (b *builder) entries(verdict func(*point) (Verdict, bool)) []DispatchEntry {
	var entries []DispatchEntry
	for _, p := range b.ports {
		if v, ok := verdict(p); ok {
			entries = append(entries, DispatchEntry{protoNumber(p.proto), p.first, p.last, v})
		}
	}
	return entries
}

// dispatchPorts sends packets to the chains of their ports: the single ports by one
// lookup in a hash table, then the ranges.
//
// A packet that is on its way when a ruleset is loaded over this one may look into the
// new maps and still see the old chains, among which a new one is empty (nft_do_chain
// stays with a generation, lookups ask for that of the moment). A range that another
// knock cuts has such chains, and a port of it may move from one map to the other. The
// packet is then dropped by the last map, of the ranges as the knocks have them. A map
// is there even if it is empty.
func (b *builder) dispatchPorts(c *Chain) {
	single, ranges := split(b.entries(func(p *point) (Verdict, bool) {
		if p.open {
			return Verdict{Kind: Accept}, true
		}
		return Verdict{Jump, p.name()}, true
	}))
	c.add("", Dispatch{Name: "ports", Comment: "where packets to a port go", Entries: single})
	guarded := guardedRanges(b.policy)
	if len(guarded)+len(ranges) > 0 {
		c.add("", Dispatch{Name: "ports_ranges", Comment: "where packets to a range of ports go", Interval: true, Entries: ranges})
		c.add("", Dispatch{Name: "guarded", Comment: "nothing comes back from there, but for a moment during a reload", Interval: true, Entries: guarded})
	}
}

// guardedRanges drops packets to all ports of ranges that knocks guard.
func guardedRanges(p *lang.Policy) []DispatchEntry {
	var all, merged []DispatchEntry
	for _, k := range p.Knocks {
		for _, s := range k.Services {
			if s.First < s.Last {
				all = append(all, DispatchEntry{protoNumber(s.Proto), s.First, s.Last, Verdict{Kind: Drop}})
			}
		}
	}
	slices.SortFunc(all, func(a, b DispatchEntry) int {
		return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First))
	})
	for _, e := range all {
		if n := len(merged); n > 0 && merged[n-1].Proto == e.Proto && int(e.First) <= int(merged[n-1].Last)+1 {
			merged[n-1].Last = max(merged[n-1].Last, e.Last)
		} else {
			merged = append(merged, e)
		}
	}
	return merged
}

// dispatch adds rules that dispatch the entries, as far as there are any: the single
// ports by one lookup in a hash table, then the ranges.
func dispatch(c *Chain, entries []DispatchEntry) {
	single, ranges := split(entries)
	for _, some := range [][]DispatchEntry{single, ranges} {
		if len(some) > 0 {
			c.add("", Dispatch{Entries: some})
		}
	}
}

func split(entries []DispatchEntry) (single, ranges []DispatchEntry) {
	for _, e := range entries {
		if e.First == e.Last {
			single = append(single, e)
		} else {
			ranges = append(ranges, e)
		}
	}
	return single, ranges
}

func protoNumber(p lang.Proto) uint8 { return [...]uint8{lang.TCP: protoTCP, lang.UDP: protoUDP}[p] }

func echoRequest(f Family) ICMP {
	return ICMP{f, []uint8{[...]uint8{IPv4: icmpEcho, IPv6: icmpv6Echo}[f]}}
}

// attempts are the chains that refuse what is no attempt. Connection tracking
// calls a segment invalid that is too short to have flags, so that none gets past
// the second rule by breaking it.
func (b *builder) attempts() {
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		if !b.needs(proto) {
			continue
		}
		c := b.chain(attemptChain(proto), "what is no attempt is refused")
		c.add("", CtState{States: StateNew, Not: true}, b.refuse())
		if proto == lang.TCP {
			c.add("", TCPFlags{lang.SYN, synMask, true}, b.refuse())
		}
		c.add("", Local{Not: true}, b.refuse())
	}
}

// synMask masks the flags that tell a SYN from other segments.
const synMask = lang.FIN | lang.SYN | lang.RST | lang.ACK

func (b *builder) needs(proto lang.Proto) bool {
	for _, p := range b.ports {
		if p.proto == proto && !p.open {
			return true
		}
	}
	return false
}

func attemptChain(proto lang.Proto) string { return "attempt_" + proto.String() }

// refuse is the verdict about what is refused.
func (b *builder) refuse() Verdict {
	if b.policy.Settings.RefuseReject {
		return Verdict{Goto, "refuse"}
	}
	return Verdict{Kind: Drop}
}

// refusal answers what is refused. An invalid segment with ACK may be a late one of
// a living connection, which a reset would end.
func (b *builder) refusal() {
	if b.policy.Settings.RefuseReject {
		c := b.chain("refuse", "answer as a closed port does")
		c.add("", CtState{States: StateInvalid}, TCPFlags{Flags: lang.ACK, Mask: lang.ACK}, Verdict{Kind: Drop})
		c.add("", Reject{Reset: true})
		c.add("", Reject{})
	}
}

// portChains decide about the packets to the ports that are not open. Their last
// rule refuses what no other accepts; it stands alone because an update of a full
// set ends its rule.
func (b *builder) portChains() {
	for _, p := range b.ports {
		if p.open {
			continue
		}
		c := b.chain(p.name(), p.comment())
		c.add("", Verdict{Jump, attemptChain(p.proto)})
		b.listeners(c, p)
		b.services(c, p)
		c.add("", b.refuse())
		if b.endsGrants(p) {
			b.letIn(p)
		}
	}
}

// pingChains move the knocks that listen to pings, and decide nothing.
func (b *builder) pingChains() {
	if len(b.pings) == 0 {
		return
	}
	c := b.chain("pings", "echo requests")
	c.add("", CtState{States: StateNew, Not: true}, Verdict{Kind: Return}) // a bad checksum is invalid
	c.add("", Local{Not: true}, Verdict{Kind: Return})
	other := b.pings[len(b.pings)-1]
	for _, f := range Families {
		var l Lengths
		for _, p := range b.pings {
			if p != other {
				l.Entries = append(l.Entries, LengthEntry{headerField(f, p.length), Verdict{Goto, p.name()}})
			}
		}
		if l.Family = f; len(l.Entries) > 0 {
			c.add("", l)
		}
	}
	c.add("", Verdict{Goto, other.name()})
	for _, p := range b.pings {
		b.listeners(b.chain(p.name(), p.comment()), p)
	}
}

// headerField is what the length field of the IP header holds for an echo request
// without options or extension headers, given the bytes of its data.
func headerField(f Family, data int) uint16 {
	const echoHeader, ipv4Header = 8, 20
	return uint16([...]int{IPv4: ipv4Header + echoHeader, IPv6: echoHeader}[f] + data)
}
