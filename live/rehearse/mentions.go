//go:build linux

package rehearse

import (
	"maps"
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
	letsThrough = lazy.Regexp(`\b(accept|return|notrack|dnat|redirect)\b`)
	onlyStops   = lazy.Regexp(`^[^!]* (?:drop|reject|reject with [^!]*|-j DROP|-j REJECT[^!]*) *\n$`)
)

// mentions are those of the tables for a family; of the table with the policy, those of rules
// that let packets through, which someone may have added. Those of rules that translate come
// first, since they may lead past a guard.
func (f *firewall) mentions(s *Subject, v6 bool) (all []mention) {
	for _, t := range f.tables {
		if !t.concerns(v6) {
			continue
		}
		lines := t.tellingLines()
		if t.family == "inet" && t.name == s.Table && s.Fragment == "" {
			lines = slices.DeleteFunc(lines, func(line string) bool { return !letsThrough().MatchString(line) })
		}
		for _, line := range lines {
			if m := mentionIn(line, v6); len(m.addresses)+len(m.ports)+len(m.words) > 0 {
				all = append(all, m)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b mention) int { return bit(b.translates) - bit(a.translates) })
	return all
}

// tellingLines are the lines of the table's text, except what names those that a rule stops:
// a door does not stand open for them. A line that asks about a set has its first elements.
func (t *table) tellingLines() (all []string) {
	elements := map[string][]string{} // lines, by set
	asked := map[string]bool{}
	within := ""
	for line := range strings.Lines(t.text) {
		line = commentText().ReplaceAllString(line, "")
		if begin := setBegins().FindStringSubmatch(line); begin != nil {
			within = begin[1]
		} else if line == "\t}\n" {
			within = ""
		}
		switch {
		case within != "":
			elements[within] = append(elements[within], line)
		case !onlyStops().MatchString(line):
			all = append(all, line)
		}
	}
	for i, line := range all {
		for _, set := range setWord().FindAllStringSubmatch(line, -1) {
			const first = 8 // lines: the set's own, and some of elements
			all[i] += strings.Join(elements[set[1]][:min(len(elements[set[1]]), first)], "")
			asked[set[1]] = true
		}
	}
	for _, set := range slices.Sorted(maps.Keys(asked)) {
		all = append(all, elements[set]...)
	}
	return all
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

// portsOf are those of a service's ports that the mention names, the ends of ranges, and their
// neighbours, as the line may ask for what is greater or less. It reports false if the line
// asks for other ports.
func (m mention) portsOf(s lang.Service) (all []uint16, ok bool) {
	for _, p := range m.ports {
		if first, last := max(p.first, s.First), min(p.last, s.Last); first <= last {
			all = append(all, first, last)
		}
		for _, next := range []int{int(p.first) - 1, int(p.last) + 1} {
			if int(s.First) <= next && next <= int(s.Last) {
				all = append(all, uint16(next))
			}
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
