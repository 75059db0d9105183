//go:build linux

package rehearse

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/internal/lazy"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// mention is what a line of a table's text names, whatever it asks about that. A stranger
// that has all of it may meet a rule that others do not.
type mention struct {
	addresses  []netip.Prefix
	ports      []ports
	words      []string // among them, the names of interfaces
	asksPort   bool
	translates bool
}

type ports struct{ first, last uint16 }

var (
	commentText = lazy.Regexp(`comment "[^"]*"`)
	portWord    = lazy.Regexp(`\bdport|destination-port`)
	setWord     = lazy.Regexp(`@([\w./]+)`)
	setBegins   = lazy.Regexp(`^\tset ([\w./]+) \{`)
	onlyStops   = lazy.Regexp(`^[^!]* (?:drop|reject|reject with [^!]*|-j DROP|-j REJECT[^!]*) *\n$`)
)

// mentions are those of the tables for a family that the policy is not in. Those of rules
// that translate come first, since they may lead past a guard.
func (f *firewall) mentions(s *Subject, v6 bool) (all []mention) {
	for _, t := range f.tables {
		if !t.concerns(v6) || t.family == "inet" && t.name == s.Table && s.Fragment == "" {
			continue
		}
		for _, line := range t.tellingLines() {
			if m := mentionIn(line, v6); len(m.addresses)+len(m.ports)+len(m.words) > 0 {
				all = append(all, m)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b mention) int { return bit(b.translates) - bit(a.translates) })
	return all
}

// tellingLines are the lines of the table's text, except what names those that a rule stops:
// a door does not stand open for them.
func (t *table) tellingLines() (all []string) {
	asked := map[string]bool{} // sets about which other rules ask
	for line := range strings.Lines(t.text) {
		line = commentText().ReplaceAllString(line, "")
		if onlyStops().MatchString(line) {
			continue
		}
		all = append(all, line)
		for _, set := range setWord().FindAllStringSubmatch(line, -1) {
			asked[set[1]] = true
		}
	}
	within := ""
	return slices.DeleteFunc(all, func(line string) bool {
		if begin := setBegins().FindStringSubmatch(line); begin != nil {
			within = begin[1]
		} else if line == "\t}\n" {
			within = ""
		}
		return within != "" && !asked[within]
	})
}

func mentionIn(line string, v6 bool) mention {
	m := mention{asksPort: portWord().MatchString(line), translates: nftrace.Translates(line)}
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(" \t\n,{}\"", r) }) {
		if p, ok := prefixIn(word); ok {
			if p.Addr().Is6() == v6 {
				m.addresses = append(m.addresses, p)
			}
		} else if p, ok := portsIn(word); ok {
			m.ports = append(m.ports, p)
		} else if i := strings.IndexAny(word, ":()"); i < 0 {
			m.words = append(m.words, word)
		}
	}
	return m
}

// prefixIn reads an address, a prefix, or the first address of a range.
func prefixIn(word string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(word); err == nil {
		return p.Masked(), true
	}
	first, _, _ := strings.Cut(word, "-")
	a, err := netip.ParseAddr(first)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// portsIn reads a number or a range, which iptables writes with a colon.
func portsIn(word string) (p ports, ok bool) {
	first, last, isRange := strings.Cut(strings.Replace(word, ":", "-", 1), "-")
	if !isRange {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	return ports{uint16(a), uint16(b)}, err == nil && err2 == nil
}

// portsOf are the ends of what the mention names of a service's ports. It reports false if
// the line asks for other ports.
func (m mention) portsOf(s lang.Service) (all []uint16, ok bool) {
	for _, p := range m.ports {
		if first, last := max(p.first, s.First), min(p.last, s.Last); first <= last {
			all = append(all, first, last)
		}
	}
	return all, len(all) > 0 || !m.asksPort
}

// names reports whether the mention names an interface, perhaps by the beginning of its name.
func (m mention) names(l *link) bool {
	return slices.ContainsFunc(m.words, func(word string) bool {
		begin, isPattern := strings.CutSuffix(word, "*")
		if !isPattern {
			begin, isPattern = strings.CutSuffix(word, "+")
		}
		return word == l.name || isPattern && begin != "" && strings.HasPrefix(l.name, begin)
	})
}
