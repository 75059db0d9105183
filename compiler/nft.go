package compiler

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
)

// WriteNFT prints the ruleset as a script for `nft -f`. Loaded over an older ruleset,
// it replaces the rules and keeps the elements of the sets with the time that they have
// left, in one transaction. The header's lines become comments.
//
// The syntax is that of nftables 1.0.2 and later.
func (r *Ruleset) WriteNFT(w io.Writer, header []string) error {
	p := newPrinter(w)
	p.line("#!/usr/sbin/nft -f")
	p.header(header)
	p.line("\n# Old rules are removed; what sources have done stays.")
	p.line("add table inet ", r.Table)
	p.line("flush table inet ", r.Table)
	for _, d := range r.Maps() { // what an older one holds may go elsewhere now
		p.line("add map inet ", r.Table, " ", d.Name, " { ", strings.Join(d.mapType(), "; "), "; }")
		p.line("flush map inet ", r.Table, " ", d.Name)
	}
	for _, name := range baseChains { // an old one keeps its hook and priority
		p.line("add chain inet ", r.Table, " ", name)
		p.line("delete chain inet ", r.Table, " ", name)
	}
	p.line("\ntable inet ", r.Table, " {")
	p.indent = "\t"
	p.content(r)
	p.indent = ""
	p.line("}")
	return p.Flush()
}

// WriteFragment prints the sets, counters and chains without a table around them, to be
// included in a table of the family inet. See [Ruleset.Fragment].
func (r *Ruleset) WriteFragment(w io.Writer, header []string) error {
	p := newPrinter(w)
	p.header(header)
	p.line("")
	p.content(r)
	return p.Flush()
}

// printer writes lines; a bufio.Writer keeps the first error until Flush.
type printer struct {
	*bufio.Writer
	indent string
}

func newPrinter(w io.Writer) *printer { return &printer{Writer: bufio.NewWriterSize(w, 1<<16)} }

// put writes texts without anything between them.
func (p *printer) put(texts ...string) {
	for _, text := range texts {
		p.WriteString(text)
	}
}

// line writes a line of texts.
func (p *printer) line(texts ...string) {
	p.put(p.indent)
	p.put(texts...)
	p.put("\n")
}

func (p *printer) header(lines []string) {
	for _, h := range lines {
		p.line(strings.TrimRight("# "+h, " "))
	}
}

func (p *printer) content(r *Ruleset) {
	if len(r.Counters) > 0 {
		p.line("# what has happened, by knock; refused attempts, by service")
	}
	for _, c := range r.Counters {
		p.line("counter ", c.Name, " { packets 0 bytes 0 }")
	}
	for i, s := range r.Sets {
		if i > 0 || len(r.Counters) > 0 {
			p.put("\n")
		}
		p.set(s)
	}
	for _, d := range r.Maps() {
		p.put("\n")
		p.namedMap(d)
	}
	for i, c := range r.Chains {
		if i > 0 || len(r.Sets) > 0 {
			p.put("\n")
		}
		p.chain(c)
	}
}

func (p *printer) set(s *Set) {
	p.line("# ", s.Comment)
	p.line("set ", s.Name, " {")
	if s.Codes {
		p.line("\ttypeof ", codeText)
	} else {
		p.line("\ttype ", [...]string{"ipv4_addr", "ipv6_addr"}[s.Family], " . mark")
	}
	p.line("\tsize ", strconv.Itoa(s.Size))
	p.line("\tflags dynamic,timeout")
	if s.Collect != DefaultCollect {
		p.line("\tgc-interval ", lang.FormatDuration(s.Collect))
	}
	p.line("}")
}

func (p *printer) chain(c *Chain) {
	p.line("# ", c.Comment)
	p.line("chain ", c.Name, " {")
	if c.Hook != nil {
		p.line("\ttype filter hook ", c.Hook.Point.String(), " priority ", strconv.Itoa(int(c.Hook.Priority)), "; policy accept;")
	}
	for _, r := range c.Rules {
		p.rule(r)
	}
	p.line("}")
}

func (p *printer) rule(r Rule) {
	p.put(p.indent)
	for i, instruction := range r.Instructions {
		p.put([...]string{"\t", " "}[min(i, 1)])
		p.instruction(instruction)
	}
	if r.Comment != "" {
		p.put(` comment "`, r.Comment, `"`)
	}
	p.put("\n")
}

func (p *printer) instruction(i Instruction) {
	switch i := i.(type) {
	case CtState:
		p.put("ct state ", unequal(i.Not), i.States.String())
	case Iface:
		p.put(`iifname "`, i.Name, [...]string{"", "*"}[bit(i.Wildcard)], `"`)
	case L4Proto:
		p.put("meta l4proto ", protoNames[i.Number])
	case Ports:
		p.put("th dport ", unequal(i.Not), portsText(i.First, i.Last))
	case TCPFlags:
		equal := [...]string{"==", "!="}[bit(i.Not)]
		p.put("tcp flags & (", strings.ReplaceAll(i.Mask.String(), ",", " | "), ") ", equal, " ", i.Flags.String())
	case Translated:
		p.put("ct status & dnat != 0")
	case AddrType:
		p.put("fib daddr type ", unequal(i.Not), i.Kind.String())
	case Source:
		p.put(i.Family.source(), " ", oneOrSet(prefixTexts(i.Prefixes)))
	case Destination:
		p.put(i.Family.header(), " daddr ", oneOrSet(prefixTexts(i.Prefixes)))
	case ICMP:
		p.icmp(i)
	case Length:
		p.put(i.Family.header(), " length ", unequal(i.Not), number(i.Bytes))
	case Lookup:
		p.lookup(i)
	case Update:
		p.update(i)
	case Delete:
		p.put("delete @", i.Set, " { ", i.Key.source(), " . ", i.Key.state(), " }")
	case Spend:
		p.put(codeText, " @", i.Set, " delete @", i.Set, " { ", codeText, " }")
	case Count:
		p.put(`counter name "`, i.Counter, `"`)
	case Log:
		p.put(`log prefix "`, i.Prefix, `"`)
	case Dispatch:
		p.dispatch(i)
	case Lengths:
		p.lengths(i)
	case Verdict:
		p.put(i.String())
	case Reject:
		p.put([...]string{"reject", "reject with tcp reset"}[bit(i.Reset)])
	default:
		panic(fmt.Sprintf("compiler: no text for %T", i))
	}
}

// lookup prints a lookup. A constant may not stand on the left of one; the mark
// with all its bits replaced may, and leaves the packet's mark alone.
func (p *printer) lookup(l Lookup) {
	p.put(l.Key.source(), " . (meta mark & 0x0 | ", l.Key.state(), ") ", unequal(l.Not), "@", l.Set)
}

// codeText is the payload of a datagram, as far as it is a one-time code.
var codeText = fmt.Sprintf("@th,%d,%d", 8*udpHeader, 8*codes.Size)

// udpHeader is how many bytes a UDP header has.
const udpHeader = 8

func (p *printer) update(u Update) {
	timeout := ""
	if u.Timeout != lang.Forever {
		timeout = " timeout " + lang.FormatDuration(u.Timeout)
	}
	p.put("update @", u.Set, " { ", u.Key.source(), " . ", u.Key.state(), timeout, " }")
}

func (p *printer) icmp(i ICMP) {
	var names []string
	for _, t := range i.Types {
		names = append(names, icmpNames[i.Family][t])
	}
	p.put([...]string{"icmp", "icmpv6"}[i.Family], " type ", oneOrSet(names))
}

func (p *printer) dispatch(d Dispatch) {
	if d.Named != 0 {
		p.put("meta l4proto ", protoNames[d.Named], " ct original proto-dst vmap ")
	} else {
		p.put("meta l4proto . th dport vmap ")
	}
	if d.Name != "" {
		p.put("@", d.Name)
		return
	}
	p.put("{\n")
	p.entries(d)
	p.put(p.indent, "\t}")
}

func (p *printer) entries(d Dispatch) {
	for _, e := range d.Entries {
		key := portsText(e.First, e.Last)
		if d.Named == 0 {
			key = protoNames[e.Proto] + " . " + key
		}
		p.line("\t\t", key, " : ", e.Verdict.String(), ",")
	}
}

// namedMap prints a map that a reload keeps and fills again.
func (p *printer) namedMap(d Dispatch) {
	p.line("# ", d.Comment)
	p.line("map ", d.Name, " {")
	for _, line := range d.mapType() {
		p.line("\t", line)
	}
	if len(d.Entries) > 0 {
		p.line("\telements = {")
		p.entries(d)
		p.line("\t}")
	}
	p.line("}")
}

// mapType are the properties of a map.
func (d Dispatch) mapType() []string {
	properties := []string{"type inet_proto . inet_service : verdict"}
	if d.hasRanges() {
		properties = append(properties, "flags interval")
	}
	return properties
}

func (p *printer) lengths(l Lengths) {
	p.put(l.Family.header(), " length vmap {\n")
	for _, e := range l.Entries {
		p.line("\t\t", number(e.Bytes), " : ", e.Verdict.String(), ",")
	}
	p.put(p.indent, "\t}")
}

// source is the source address, cut to the key's length.
func (k Key) source() string {
	if k.Bits == k.Family.Bits() {
		return k.Family.source()
	}
	return k.Family.source() + " & " + mask(k.Family, k.Bits).String()
}

// state is the state number, as a mark.
func (k Key) state() string { return fmt.Sprintf("0x%08x", k.State) }

// mask is the address whose first bits are set and no others.
func mask(f Family, bits int) netip.Addr {
	ones := [...]netip.Addr{IPv4: netip.MustParseAddr("255.255.255.255"), IPv6: netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}[f]
	return netip.PrefixFrom(ones, bits).Masked().Addr()
}

// Bits is the length of an address of the family.
func (f Family) Bits() int { return [...]int{32, 128}[f] }

func (f Family) source() string { return [...]string{"ip saddr", "ip6 saddr"}[f] }
func (f Family) header() string { return [...]string{"ip", "ip6"}[f] }

func unequal(not bool) string { return [...]string{"", "!= "}[bit(not)] }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func portsText(first, last uint16) string {
	if first == last {
		return number(first)
	}
	return number(first) + "-" + number(last)
}

func number(n uint16) string { return strconv.Itoa(int(n)) }

// oneOrSet is a value, or an anonymous set if there are several.
func oneOrSet(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}

var protoNames = map[uint8]string{
	ProtoICMP: "icmp", ProtoIGMP: "igmp", ProtoTCP: "tcp", ProtoUDP: "udp", ProtoICMPv6: "ipv6-icmp",
}

var icmpNames = [...]map[uint8]string{
	IPv4: {
		icmpUnreachable: "destination-unreachable", icmpEcho: "echo-request",
		icmpTime: "time-exceeded", icmpParameter: "parameter-problem",
	},
	IPv6: {
		icmpv6Unreachable: "destination-unreachable", icmpv6TooBig: "packet-too-big",
		icmpv6Time: "time-exceeded", icmpv6Parameter: "parameter-problem", icmpv6Echo: "echo-request",
		icmpv6ListenerQuery: "mld-listener-query", icmpv6ListenerReport: "mld-listener-report",
		icmpv6ListenerDone: "mld-listener-done", icmpv6ListenerReport2: "mld2-listener-report",
		icmpv6RouterSolicit: "nd-router-solicit", icmpv6RouterAdvert: "nd-router-advert",
		icmpv6NeighborSolicit: "nd-neighbor-solicit", icmpv6NeighborAdvert: "nd-neighbor-advert",
	},
}

func (v Verdict) String() string {
	word := v.Kind.String()
	if v.Chain != "" {
		word += " " + v.Chain
	}
	return word
}

func (s ConnState) String() string {
	return lang.BitNames(uint8(s), "new", "established", "related", "invalid")
}
