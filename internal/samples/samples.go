// Package samples has all instructions in each of their forms, for tests of code that
// reads them.
package samples

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

const (
	tcp    = compiler.ProtoTCP
	udp    = compiler.ProtoUDP
	icmp   = compiler.ProtoICMP
	icmpv6 = compiler.ProtoICMPv6
	igmp   = compiler.ProtoIGMP
)

var (
	accept = compiler.Verdict{Kind: compiler.Accept}
	drop   = compiler.Verdict{Kind: compiler.Drop}
	gotoA  = compiler.Verdict{Kind: compiler.Goto, Chain: "a"}
	jumpB  = compiler.Verdict{Kind: compiler.Jump, Chain: "b"}
	back   = compiler.Verdict{Kind: compiler.Return}

	v4Key   = compiler.Key{Family: compiler.IPv4, Bits: 32, State: 7}
	v4Net   = compiler.Key{Family: compiler.IPv4, Bits: 23, State: 0x80c0ffee}
	v6Key   = compiler.Key{Family: compiler.IPv6, Bits: 128, State: 8}
	v6Net   = compiler.Key{Family: compiler.IPv6, Bits: 64, State: 1}
	v6Other = compiler.Key{Family: compiler.IPv6, Bits: 47, State: 9}
)

// Sample is an instruction in one of its forms, and the packets that it assumes.
type Sample struct {
	compiler.Instruction
	proto uint8 // the transport protocol; 0: any
}

// Agrees reports whether the two do not contradict each other: nft refuses such rules.
func (s Sample) Agrees(o Sample) bool {
	both := slices.ContainsFunc(compiler.Families, func(f compiler.Family) bool { return s.RunsFor(f) && o.RunsFor(f) })
	return both && (s.proto == 0 || o.proto == 0 || s.proto == o.proto)
}

// All are the samples that may be anywhere in a rule. Together with [Endings], there is
// at least one of each type.
func All() []Sample { return slices.Concat(fields(), addresses(), elements(), maps()) }

func fields() []Sample {
	return []Sample{
		{Instruction: compiler.CtState{States: compiler.StateNew}},
		{Instruction: compiler.CtState{States: compiler.StateNew | compiler.StateEstablished | compiler.StateRelated | compiler.StateInvalid}},
		{Instruction: compiler.CtState{States: compiler.StateInvalid, Not: true}},
		{Instruction: compiler.Iface{Name: "eth0"}},
		{Instruction: compiler.Iface{Name: "abcdefghijklmno"}},
		{Instruction: compiler.Iface{Name: "eth", Wildcard: true}},
		{Instruction: compiler.L4Proto{Number: tcp}, proto: tcp},
		{Instruction: compiler.L4Proto{Number: udp}, proto: udp},
		{Instruction: compiler.L4Proto{Number: icmp}, proto: icmp},
		{Instruction: compiler.L4Proto{Number: igmp}, proto: igmp},
		{Instruction: compiler.L4Proto{Number: icmpv6}, proto: icmpv6},
		{Instruction: compiler.Ports{First: 22, Last: 22}},
		{Instruction: compiler.Ports{First: 22, Last: 22, Not: true}},
		{Instruction: compiler.Ports{First: 80, Last: 90}},
		{Instruction: compiler.Ports{First: 80, Last: 90, Not: true}},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.SYNMask}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.SYNMask, Not: true}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN | lang.ACK, Mask: lang.SYN | lang.ACK}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.ACK, Mask: lang.ACK}, proto: tcp},
		{Instruction: compiler.Translated{}},
		{Instruction: compiler.AddrType{}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrBroadcast}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrAnycast}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrMulticast}},
		{Instruction: compiler.AddrType{Not: true}},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8}}, icmp},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8, 3, 11}}, icmp},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{128}}, icmpv6},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{135, 136, 1}}, icmpv6},
		{Instruction: compiler.Length{Family: compiler.IPv4, Bytes: 148}},
		{Instruction: compiler.Length{Family: compiler.IPv4, Bytes: 148, Not: true}},
		{Instruction: compiler.Length{Family: compiler.IPv6, Bytes: 128}},
		{Instruction: compiler.Length{Family: compiler.IPv6, Bytes: 128, Not: true}},
	}
}

func addresses() []Sample {
	source := func(prefixes ...string) Sample {
		var s compiler.Source
		for _, p := range prefixes {
			s.Prefixes = append(s.Prefixes, netip.MustParsePrefix(p))
		}
		if s.Prefixes[0].Addr().Is6() {
			s.Family = compiler.IPv6
		}
		return Sample{Instruction: s}
	}
	return []Sample{
		source("192.0.2.1/32"),
		source("10.0.0.0/8"),
		source("172.16.0.0/12"),
		source("0.0.0.0/0"),
		source("192.0.2.1/32", "10.0.0.0/8", "172.16.0.0/12"),
		source("11.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/32"), // next to and within each other
		source("0.0.0.0/8", "224.0.0.0/3"),                                // to the ends
		source("0.0.0.0/0", "192.0.2.1/32"),
		source("2001:db8::1/128"),
		source("2001:db8::/32"),
		source("fe80::/10"),
		source("::/0"),
		source("2001:db8::1/128", "fe80::/10"),
		source("::1/128", "ff00::/8"),
		source("::/0", "fe80::/10"),
		{Instruction: compiler.Destination{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		{Instruction: compiler.Destination{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("172.16.0.0/12")}}},
		{Instruction: compiler.Destination{Family: compiler.IPv6, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}},
	}
}

func elements() []Sample {
	return []Sample{
		{Instruction: compiler.Lookup{Key: v4Key, Set: "s4"}},
		{Instruction: compiler.Lookup{Key: v4Key, Set: "s4", Not: true}},
		{Instruction: compiler.Lookup{Key: v4Net, Set: "s4"}},
		{Instruction: compiler.Lookup{Key: v6Key, Set: "s6"}},
		{Instruction: compiler.Lookup{Key: v6Key, Set: "s6", Not: true}},
		{Instruction: compiler.Lookup{Key: v6Net, Set: "s6", Not: true}},
		{Instruction: compiler.Lookup{Key: v6Other, Set: "s6"}},
		{Instruction: compiler.Update{Key: v4Key, Set: "s4", Timeout: 5 * time.Second}},
		{Instruction: compiler.Update{Key: v4Key, Set: "s4", Timeout: lang.Forever}},
		{Instruction: compiler.Update{Key: v4Net, Set: "s4", Timeout: 36*time.Hour + time.Second}},
		{Instruction: compiler.Update{Key: v6Key, Set: "s6", Timeout: 5 * time.Second}},
		{Instruction: compiler.Update{Key: v6Net, Set: "s6", Timeout: lang.Forever}},
		{Instruction: compiler.Delete{Key: v4Key, Set: "s4"}},
		{Instruction: compiler.Delete{Key: v4Net, Set: "s4"}},
		{Instruction: compiler.Delete{Key: v6Key, Set: "s6"}},
		{Instruction: compiler.Delete{Key: v6Net, Set: "s6"}},
		{Instruction: compiler.Spend{Set: "codes"}, proto: udp},
		{Instruction: compiler.Count{Counter: "ssh-opened"}},
		{Instruction: compiler.Log{Prefix: "knock ssh: "}},
	}
}

var (
	single = []compiler.DispatchEntry{port(tcp, 22, gotoA), port(udp, 53, accept), port(tcp, 80, drop), port(udp, 67, back), port(tcp, 443, jumpB)}
	ranges = []compiler.DispatchEntry{port(tcp, 22, gotoA), between(udp, 8000, 8010, accept), between(tcp, 1024, 65535, jumpB)}

	named       = []compiler.DispatchEntry{port(tcp, 22, gotoA), port(tcp, 80, drop)}
	namedRanges = []compiler.DispatchEntry{port(udp, 22, gotoA), between(udp, 23, 29, accept), between(udp, 80, 90, jumpB)}
	namedAll    = []compiler.DispatchEntry{between(tcp, 0, 9, gotoA), between(tcp, 100, 65535, accept)}
)

func port(proto uint8, n uint16, v compiler.Verdict) compiler.DispatchEntry {
	return between(proto, n, n, v)
}

func between(proto uint8, first, last uint16, v compiler.Verdict) compiler.DispatchEntry {
	return compiler.DispatchEntry{Proto: proto, First: first, Last: last, Verdict: v}
}

func maps() []Sample {
	lengths := []compiler.LengthEntry{{Bytes: 148, Verdict: gotoA}, {Bytes: 149, Verdict: accept}, {Bytes: 1500, Verdict: jumpB}}
	return []Sample{
		{Instruction: compiler.Dispatch{Entries: single[:1]}},
		{Instruction: compiler.Dispatch{Entries: single}},
		{Instruction: compiler.Dispatch{Entries: ranges}},
		{Instruction: compiler.Dispatch{Named: tcp, Entries: named}, proto: tcp},
		{Instruction: compiler.Dispatch{Named: udp, Entries: namedRanges}, proto: udp},
		{Instruction: compiler.Dispatch{Named: tcp, Entries: namedAll}, proto: tcp},
		{Instruction: compiler.Lengths{Family: compiler.IPv4, Entries: lengths}},
		{Instruction: compiler.Lengths{Family: compiler.IPv6, Entries: lengths[:1]}},
	}
}

// Endings are the samples that may only be at the end of a rule.
func Endings() []Sample {
	return []Sample{
		{Instruction: accept}, {Instruction: drop}, {Instruction: gotoA}, {Instruction: jumpB}, {Instruction: back},
		{Instruction: compiler.Reject{}},
		{Instruction: compiler.Reject{Reset: true}, proto: tcp},
	}
}

// Ruleset is a table with everything that the samples refer to, and with rules in its
// base chain.
func Ruleset(rules ...compiler.Rule) *compiler.Ruleset {
	return &compiler.Ruleset{
		Table: "knock",
		Sets: []*compiler.Set{
			{Name: "s4", Family: compiler.IPv4, Size: 65536, Collect: time.Second},
			{Name: "s6", Family: compiler.IPv6, Size: 100, Collect: 100 * time.Millisecond},
			{Name: "codes", Codes: true, Size: 20176, Collect: 5 * time.Minute},
		},
		Counters: []*compiler.Counter{{Name: "ssh-opened"}, {Name: "unused"}},
		Chains: []*compiler.Chain{
			{Name: "guard", Hook: &compiler.Hook{Priority: -110}, Rules: rules},
			{Name: "a", Rules: []compiler.Rule{{Instructions: []compiler.Instruction{jumpB}}}},
			{Name: "b"},
			{Name: "arrived", Hook: &compiler.Hook{Point: compiler.Input, Priority: -10}},
			{Name: "forwarded", Hook: &compiler.Hook{Point: compiler.Forward, Priority: -10}},
		},
	}
}

// Rule is a rule.
func Rule(comment string, instructions ...compiler.Instruction) compiler.Rule {
	return compiler.Rule{Instructions: instructions, Comment: comment}
}

// Everything has a rule of each sample, and one of many together.
func Everything() *compiler.Ruleset {
	var rules []compiler.Rule
	for i, s := range append(All(), Endings()...) {
		rules = append(rules, Rule(fmt.Sprintf("number %d", i), s.Instruction))
	}
	rules = append(rules,
		Rule("a named map", compiler.Dispatch{Name: "ports", Entries: single}),
		Rule("one of ranges", compiler.Dispatch{Name: "ports_ranges", Entries: ranges}),
		Rule(strings.Repeat("c", 127), drop),
		Rule("",
			compiler.CtState{States: compiler.StateNew},
			compiler.Iface{Name: "eth0"},
			compiler.L4Proto{Number: tcp},
			compiler.Ports{First: 22, Last: 23},
			compiler.TCPFlags{Flags: lang.SYN, Mask: lang.SYN | lang.ACK},
			compiler.Translated{},
			compiler.AddrType{},
			compiler.Source{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
			compiler.Lookup{Key: v4Key, Set: "s4"},
			compiler.Delete{Key: v4Key, Set: "s4"},
			compiler.Update{Key: v4Net, Set: "s4", Timeout: time.Minute},
			compiler.Count{Counter: "ssh-opened"},
			compiler.Log{Prefix: "knock: "},
			compiler.Reject{Reset: true},
		))
	return Ruleset(rules...)
}
