package compiler_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"knockc/compiler"
	"knockc/lang"
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

// A sample is an instruction in one of its forms, with what it takes packets to
// be: nft refuses rules whose parts contradict each other.
type sample struct {
	compiler.Instruction
	family string
	proto  uint8
}

func ipv4(i compiler.Instruction) sample { return sample{i, "ip", 0} }
func ipv6(i compiler.Instruction) sample { return sample{i, "ip6", 0} }

func (s sample) agrees(o sample) bool {
	return (s.family == "" || o.family == "" || s.family == o.family) && (s.proto == 0 || o.proto == 0 || s.proto == o.proto)
}

func samples() []sample {
	all := append(fieldSamples(), sourceSamples()...)
	all = append(all, elementSamples()...)
	return append(all, mapSamples()...)
}

func fieldSamples() []sample {
	return []sample{
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
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.FIN | lang.SYN | lang.RST | lang.ACK}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN, Mask: lang.FIN | lang.SYN | lang.RST | lang.ACK, Not: true}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.SYN | lang.ACK, Mask: lang.SYN | lang.ACK}, proto: tcp},
		{Instruction: compiler.TCPFlags{Flags: lang.ACK, Mask: lang.ACK}, proto: tcp},
		{Instruction: compiler.Translated{}},
		{Instruction: compiler.AddrType{}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrBroadcast}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrAnycast}},
		{Instruction: compiler.AddrType{Kind: compiler.AddrMulticast}},
		{Instruction: compiler.AddrType{Not: true}},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8}}, "ip", icmp},
		{compiler.ICMP{Family: compiler.IPv4, Types: []uint8{8, 3, 11}}, "ip", icmp},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{128}}, "ip6", icmpv6},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{135, 136, 1}}, "ip6", icmpv6},
		ipv4(compiler.Length{Family: compiler.IPv4, Bytes: 148}),
		ipv4(compiler.Length{Family: compiler.IPv4, Bytes: 148, Not: true}),
		ipv6(compiler.Length{Family: compiler.IPv6, Bytes: 128}),
		ipv6(compiler.Length{Family: compiler.IPv6, Bytes: 128, Not: true}),
	}
}

func sourceSamples() []sample {
	source := func(prefixes ...string) sample {
		var s compiler.Source
		for _, p := range prefixes {
			s.Prefixes = append(s.Prefixes, netip.MustParsePrefix(p))
		}
		if s.Prefixes[0].Addr().Is4() {
			return ipv4(s)
		}
		s.Family = compiler.IPv6
		return ipv6(s)
	}
	return []sample{
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
		ipv4(compiler.Destination{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}),
		ipv4(compiler.Destination{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("172.16.0.0/12")}}),
		ipv6(compiler.Destination{Family: compiler.IPv6, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}}),
	}
}

func elementSamples() []sample {
	return []sample{
		ipv4(compiler.Lookup{Key: v4Key, Set: "s4"}),
		ipv4(compiler.Lookup{Key: v4Key, Set: "s4", Not: true}),
		ipv4(compiler.Lookup{Key: v4Net, Set: "s4"}),
		ipv6(compiler.Lookup{Key: v6Key, Set: "s6"}),
		ipv6(compiler.Lookup{Key: v6Key, Set: "s6", Not: true}),
		ipv6(compiler.Lookup{Key: v6Net, Set: "s6", Not: true}),
		ipv6(compiler.Lookup{Key: v6Other, Set: "s6"}),
		ipv4(compiler.Update{Key: v4Key, Set: "s4", Timeout: 5 * time.Second}),
		ipv4(compiler.Update{Key: v4Key, Set: "s4", Timeout: lang.Forever}),
		ipv4(compiler.Update{Key: v4Net, Set: "s4", Timeout: 36*time.Hour + time.Second}),
		ipv6(compiler.Update{Key: v6Key, Set: "s6", Timeout: 5 * time.Second}),
		ipv6(compiler.Update{Key: v6Net, Set: "s6", Timeout: lang.Forever}),
		ipv4(compiler.Delete{Key: v4Key, Set: "s4"}),
		ipv4(compiler.Delete{Key: v4Net, Set: "s4"}),
		ipv6(compiler.Delete{Key: v6Key, Set: "s6"}),
		ipv6(compiler.Delete{Key: v6Net, Set: "s6"}),
		{Instruction: compiler.Count{Counter: "ssh-opened"}},
		{Instruction: compiler.Log{Prefix: "knock ssh: "}},
	}
}

var (
	one    = []compiler.DispatchEntry{{tcp, 22, 22, gotoA}}
	single = []compiler.DispatchEntry{{tcp, 22, 22, gotoA}, {udp, 53, 53, accept}, {tcp, 80, 80, drop}, {udp, 67, 67, back}, {tcp, 443, 443, jumpB}}
	ranges = []compiler.DispatchEntry{{tcp, 22, 22, gotoA}, {udp, 8000, 8010, accept}, {tcp, 1024, 65535, jumpB}}
)

var (
	named       = []compiler.DispatchEntry{{tcp, 22, 22, gotoA}, {tcp, 80, 80, drop}}
	namedRanges = []compiler.DispatchEntry{{udp, 22, 22, gotoA}, {udp, 23, 29, accept}, {udp, 80, 90, jumpB}}
	namedAll    = []compiler.DispatchEntry{{tcp, 0, 9, gotoA}, {tcp, 100, 65535, accept}}
)

func mapSamples() []sample {
	lengths := []compiler.LengthEntry{{148, gotoA}, {149, accept}, {1500, jumpB}}
	return []sample{
		{Instruction: compiler.Dispatch{Entries: one}},
		{Instruction: compiler.Dispatch{Entries: single}},
		{Instruction: compiler.Dispatch{Entries: ranges}},
		{Instruction: compiler.Dispatch{Named: tcp, Entries: named}, proto: tcp},
		{Instruction: compiler.Dispatch{Named: udp, Entries: namedRanges}, proto: udp},
		{Instruction: compiler.Dispatch{Named: tcp, Entries: namedAll}, proto: tcp},
		ipv4(compiler.Lengths{Family: compiler.IPv4, Entries: lengths}),
		ipv6(compiler.Lengths{Family: compiler.IPv6, Entries: lengths[:1]}),
	}
}

// endings may stand at the end of a rule only.
func endings() []sample {
	return []sample{
		{Instruction: accept}, {Instruction: drop}, {Instruction: gotoA}, {Instruction: jumpB}, {Instruction: back},
		{Instruction: compiler.Reject{}},
		{Instruction: compiler.Reject{Reset: true}, proto: tcp},
	}
}

func ruleset(rules ...compiler.Rule) *compiler.Ruleset {
	return &compiler.Ruleset{
		Table: "knock",
		Sets: []*compiler.Set{
			{Name: "s4", Family: compiler.IPv4, Size: 65536, Collect: time.Second},
			{Name: "s6", Family: compiler.IPv6, Size: 100, Collect: 100 * time.Millisecond},
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

func rule(comment string, instructions ...compiler.Instruction) compiler.Rule {
	return compiler.Rule{Instructions: instructions, Comment: comment}
}

func everything() *compiler.Ruleset {
	var rules []compiler.Rule
	for i, s := range append(samples(), endings()...) {
		rules = append(rules, rule(fmt.Sprintf("number %d", i), s.Instruction))
	}
	rules = append(rules,
		rule("a named map", compiler.Dispatch{Name: "ports", Entries: single}),
		rule("one of ranges", compiler.Dispatch{Name: "ports_ranges", Entries: ranges}),
		rule(strings.Repeat("c", 127), drop),
		rule("",
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
	return ruleset(rules...)
}

// fragment is a ruleset without a base chain.
func fragment() *compiler.Ruleset {
	r := everything()
	r.Chains[0].Hook = nil
	return r
}
