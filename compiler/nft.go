package compiler

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"knockc/lang"
)

// WriteNFT prints the ruleset as a script for `nft -f`. Loaded over an older
// one it replaces the rules and keeps the elements of the sets with the time
// they have left, in one transaction. The header's lines become comments.
//
// The syntax is that of nftables 1.0.2 and later.
func (r *Ruleset) WriteNFT(w io.Writer, header []string) error {
	p := printer{bufio.NewWriter(w)}
	p.line("#!/usr/sbin/nft -f")
	for _, h := range header {
		p.line("%s", strings.TrimRight("# "+h, " "))
	}
	p.line("\nadd table inet %s", r.Table)
	p.line("flush table inet %s", r.Table)
	p.line("\ntable inet %s {", r.Table)
	for _, s := range r.Sets {
		p.set(s)
	}
	for i, c := range r.Chains {
		if i > 0 {
			p.line("")
		}
		p.chain(c)
	}
	p.line("}")
	return p.Flush()
}

// printer writes lines; a bufio.Writer keeps the first error until Flush.
type printer struct{ *bufio.Writer }

func (p printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p printer) set(s *Set) {
	p.line("\t# %s", s.Comment)
	p.line("\tset %s {", s.Name)
	p.line("\t\ttype %s . mark", [...]string{"ipv4_addr", "ipv6_addr"}[s.Family])
	p.line("\t\tsize %d", s.Size)
	p.line("\t\tflags dynamic,timeout")
	p.line("\t}\n")
}

func (p printer) chain(c *Chain) {
	p.line("\t# %s", c.Comment)
	p.line("\tchain %s {", c.Name)
	if c.Hook != nil {
		p.line("\t\ttype filter hook input priority %d; policy accept;", c.Hook.Priority)
	}
	for _, r := range c.Rules {
		p.rule(r)
	}
	p.line("\t}")
}

func (p printer) rule(r Rule) {
	for i, instruction := range r.Instructions {
		p.WriteString([...]string{"\t\t", " "}[min(i, 1)])
		p.instruction(instruction)
	}
	if r.Comment != "" {
		fmt.Fprintf(p, " comment %q", r.Comment)
	}
	p.line("")
}

func (p printer) instruction(i Instruction) {
	switch i := i.(type) {
	case CtState:
		fmt.Fprintf(p, "ct state %s", i.States)
	case Iface:
		fmt.Fprintf(p, "iifname %q", i.Name)
	case TCPFlags:
		fmt.Fprintf(p, "tcp flags %s / %s", i.Flags, i.Mask)
	case Lookup:
		// A constant may not stand on the left of a lookup; the mark with all its
		// bits replaced may, and leaves the packet's mark alone.
		fmt.Fprintf(p, "%s . (meta mark & 0x0 | 0x%08x) @%s", i.Key.Family.source(), i.Key.State, i.Set)
	case Update:
		fmt.Fprintf(p, "update @%s { %s . 0x%08x timeout %s }", i.Set, i.Key.Family.source(), i.Key.State, lang.FormatDuration(i.Timeout))
	case Dispatch:
		p.dispatch(i)
	case Verdict:
		p.WriteString(i.String())
	}
}

func (p printer) dispatch(d Dispatch) {
	p.line("meta l4proto . th dport vmap {")
	for _, e := range d.Entries {
		ports := fmt.Sprint(e.First)
		if e.First != e.Last {
			ports = fmt.Sprintf("%d-%d", e.First, e.Last)
		}
		p.line("\t\t\t%s . %s : %s,", map[uint8]string{6: "tcp", 17: "udp"}[e.Proto], ports, e.Verdict)
	}
	p.WriteString("\t\t}")
}

func (f Family) source() string { return [...]string{"ip saddr", "ip6 saddr"}[f] }

func (v Verdict) String() string {
	if v.Kind == Goto {
		return "goto " + v.Chain
	}
	return [...]string{"accept", "drop"}[v.Kind]
}

func (s ConnState) String() string {
	return lang.BitNames(uint8(s), "new", "established", "related", "invalid")
}
