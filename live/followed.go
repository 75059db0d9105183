//go:build linux

package live

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/lazy"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// Followed is a packet, and what became of it.
type Followed struct {
	Source netip.Addr
	To     lang.Step // the port as the packet named it, or what kind of ping it is
	Flags  []string  // of TCP, unless it is a SYN and nothing else
	Moved  []compiler.Symbol

	// Verdict is that of the policy: pass if it left the packet to the rest of the host,
	// empty if it did not see it.
	Verdict string

	// Others are the rules of other tables that then sent it elsewhere, or dropped it.
	Others []OtherRule
}

// OtherRule is a rule of another table.
type OtherRule struct {
	Table, Chain, Rule string
	Drops              bool // else it gives the packet another destination
}

// settledAfter is how long there may be more events about a packet.
const settledAfter = 100 * time.Millisecond

// passing is a packet that passes the rules.
type passing struct {
	id    uint32
	since time.Duration
	met   []met // the first is the table that follows
}

// met is what a packet has met: a rule or the end of a chain.
type met struct {
	nftrace.Event
	rule string // its text, if it is one
}

// sort adds events to the packets that they are about, and tells of those that have passed.
// If events are missing, it leaves out packets that are still in a chain.
func (f *Follower) sort(events []nftrace.Event, missing bool) (all []Followed) {
	now := f.host.clock.Now()
	for _, e := range events {
		i := slices.IndexFunc(f.open, func(p *passing) bool { return p.id == e.ID })
		if e.Table == "table inet "+followTable && e.Network != nil {
			if i >= 0 { // another packet of the same number
				all = f.appendPacket(all, f.open[i])
				f.open = slices.Delete(f.open, i, i+1)
			}
			f.open = append(f.open, &passing{e.ID, now, []met{{Event: e}}})
		} else if i >= 0 {
			f.open[i].met = append(f.open[i].met, met{e, f.ruleText(e)})
		}
	}
	if missing {
		f.open = slices.DeleteFunc(f.open, func(p *passing) bool { return !p.last().Ends() })
	}
	n := 0
	for n < len(f.open) && (now-f.open[n].since >= settledAfter || f.open[n].last().Verdict == nftrace.Drop) {
		all = f.appendPacket(all, f.open[n])
		n++
	}
	f.open = slices.Delete(f.open, 0, n)
	return all
}

func (p *passing) last() met { return p.met[len(p.met)-1] }

func (f *Follower) appendPacket(all []Followed, p *passing) []Followed {
	packet, attempt := readPacket(p.met[0].Event)
	if f.judge(&packet, p.met[1:]) {
		attempt = attempt && packet.To.Proto != lang.UDP
	}
	if packet.Source.IsValid() && (attempt || f.what.All) {
		all = append(all, packet)
	}
	return all
}

// judge reads what became of a packet. It reports whether it was part of a connection.
func (f *Follower) judge(p *Followed, all []met) (established bool) {
	for _, m := range all {
		chain, own := f.own(m.Event)
		switch {
		case own:
			p.Moved = append(p.Moved, movedBy(m.rule)...)
			p.Verdict = verdictOf(p.Verdict, m)
			established = established || m.rule != "" && m.Verdict == nftrace.Accept && (chain == "established" || strings.HasPrefix(m.rule, "ct state established"))
		case m.Table == "table inet "+followTable:
		case m.Verdict == nftrace.Drop && (m.rule != "" || m.Kind == nftrace.Policy):
			p.Others = append(p.Others, OtherRule{m.Table, m.Name, cmp.Or(m.rule, "policy drop"), true})
		case p.Others == nil && nftrace.Translates(m.rule):
			p.Others = append(p.Others, OtherRule{m.Table, m.Name, m.rule, false})
		}
	}
	return established
}

// own reports whether an event is about a rule of the policy, and the name of its chain in
// a ruleset.
func (f *Follower) own(e nftrace.Event) (chain string, ok bool) {
	at := f.what.At
	switch {
	case e.Table != "table inet "+at.Table:
		return "", false
	case at.Fragment == "":
		return e.Name, true
	}
	return compiler.NameIn(at.Fragment, e.Name)
}

// ruleText is the rule that an event is about. The end of a chain is an event about none.
func (f *Follower) ruleText(e nftrace.Event) string {
	if e.Kind != nftrace.Rule || e.Handle == 0 {
		return ""
	}
	r, at := f.book.Rule(e)
	if at < 0 {
		return "a rule that nft does not list"
	}
	return r.Text
}

// verdictOf is the verdict of the policy after an event. What it has accepted at one hook
// may be dropped at the next.
func verdictOf(before string, m met) string {
	switch {
	case m.Verdict == nftrace.Drop && strings.Contains(" "+m.rule, " reject"):
		return "reject"
	case m.Verdict == nftrace.Drop:
		return "drop"
	case m.Kind == nftrace.Rule && m.Verdict == nftrace.Accept:
		return "accept"
	case before == "":
		return "pass"
	}
	return before
}

var commentOf = lazy.Regexp(` comment "([^"]*)"$`)

// movedBy is what a rule has done to a knock, none or one.
func movedBy(rule string) []compiler.Symbol {
	m := commentOf().FindStringSubmatch(rule)
	if m == nil {
		return nil
	}
	l, _ := compiler.ParseLegend(m[1])
	s := compiler.Symbol{Knock: l.Knock, Step: l.Step, Of: l.Of}
	switch l.For {
	case compiler.ForStep:
		s.Role = compiler.Opening
	case compiler.ForOpening:
		s.Role = compiler.Grant
	case compiler.ForClose:
		s.Role = compiler.Closing
	default:
		return nil
	}
	return []compiler.Symbol{s}
}

// readPacket reads the headers in a packet's first event, as far as they are there. It
// reports whether the packet can be an attempt.
func readPacket(e nftrace.Event) (p Followed, attempt bool) {
	ip, rest := e.Network, e.Transport
	var proto byte
	length := 0 // of what follows the network header
	switch {
	case e.Protocol == unix.NFPROTO_IPV4 && len(ip) >= 20:
		p.Source, _ = netip.AddrFromSlice(ip[12:16])
		proto, length = ip[9], int(binary.BigEndian.Uint16(ip[2:]))-4*int(ip[0]&0xf)
	case e.Protocol == unix.NFPROTO_IPV6 && len(ip) >= 40:
		p.Source, _ = netip.AddrFromSlice(ip[8:24])
		proto, length = ip[6], int(binary.BigEndian.Uint16(ip[4:]))
	}
	const pingHeader = 8
	switch {
	case proto == unix.IPPROTO_TCP && len(rest) >= 14:
		p.To = lang.Step{Proto: lang.TCP, Port: binary.BigEndian.Uint16(rest[2:])}
		if p.Flags = flagsOf(rest[13]); len(p.Flags) == 1 && p.Flags[0] == "syn" {
			p.Flags = nil
		}
		return p, rest[13]&0x17 == 0x02
	case proto == unix.IPPROTO_UDP && len(rest) >= 4:
		p.To = lang.Step{Proto: lang.UDP, Port: binary.BigEndian.Uint16(rest[2:])}
		return p, true
	case proto == unix.IPPROTO_ICMP && len(rest) > 0 && rest[0] == 8, proto == unix.IPPROTO_ICMPV6 && len(rest) > 0 && rest[0] == 128:
		p.To = lang.Step{Proto: lang.Ping, Length: length - pingHeader}
		return p, true
	}
	return Followed{}, false
}

// flagsOf names the flags of a TCP segment.
func flagsOf(b byte) (names []string) {
	for i, name := range []string{"fin", "syn", "rst", "psh", "ack", "urg"} {
		if b>>i&1 == 1 {
			names = append(names, name)
		}
	}
	if names == nil {
		names = []string{"null"}
	}
	return names
}
