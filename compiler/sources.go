package compiler

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"knockc/lang"
)

// admissions are the conditions under which a knock listens, by `from` and `on`,
// each for a rule of its own. At most one of them holds for a packet.
func admissions(k *lang.Knock) [][]Instruction {
	conditions := [][]Instruction{nil}
	if len(k.On) > 0 {
		conditions = nil
		for _, i := range distinctIfaces(k.On) {
			conditions = append(conditions, []Instruction{i})
		}
	}
	if len(k.From) == 0 {
		return conditions
	}
	var both [][]Instruction
	for _, condition := range conditions {
		for _, p := range distinctPrefixes(k.From) {
			both = append(both, append(slices.Clip(condition), Source{familyOf(p), []netip.Prefix{p}}))
		}
	}
	return both
}

func familyOf(p netip.Prefix) Family {
	if p.Addr().Is4() {
		return IPv4
	}
	return IPv6
}

// distinctIfaces leaves out the names that a wildcard among the others covers.
func distinctIfaces(ifaces []lang.Iface) []Iface {
	var distinct []Iface
	for _, i := range ifaces {
		distinct = append(distinct, Iface{i.Name, i.Wildcard})
	}
	slices.SortStableFunc(distinct, func(a, b Iface) int { // the shortest wildcards first
		return cmp.Or(cmp.Compare(exact(a), exact(b)), cmp.Compare(len(a.Name), len(b.Name)))
	})
	kept := distinct[:0]
	for _, i := range distinct {
		if !slices.ContainsFunc(kept, func(o Iface) bool { return o == i || o.Wildcard && strings.HasPrefix(i.Name, o.Name) }) {
			kept = append(kept, i)
		}
	}
	return kept
}

func exact(i Iface) int {
	if i.Wildcard {
		return 0
	}
	return 1
}

// distinctPrefixes leaves out the prefixes that lie within others.
func distinctPrefixes(prefixes []lang.Prefix) []netip.Prefix {
	var distinct []netip.Prefix
	for _, p := range prefixes {
		distinct = append(distinct, p.Prefix)
	}
	slices.SortStableFunc(distinct, func(a, b netip.Prefix) int { return cmp.Compare(a.Bits(), b.Bits()) })
	kept := distinct[:0]
	for _, p := range distinct {
		if !slices.ContainsFunc(kept, p.Overlaps) {
			kept = append(kept, p)
		}
	}
	return kept
}

// trust sends who need not knock to a chain of their own.
func (b *builder) trust(c *Chain) {
	s := &b.policy.Settings
	for _, i := range distinctIfaces(s.TrustIfaces) {
		c.add("", i, Verdict{Goto, "trusted"})
	}
	trusted := distinctPrefixes(s.TrustPrefixes)
	for _, f := range Families {
		var prefixes []netip.Prefix
		for _, p := range trusted {
			if familyOf(p) == f {
				prefixes = append(prefixes, p)
			}
		}
		if len(prefixes) > 0 {
			c.add("", Source{f, prefixes}, Verdict{Goto, "trusted"})
		}
	}
}

// trusted lets those to the services who need not knock. They move nothing.
func (b *builder) trusted() {
	s := &b.policy.Settings
	if len(s.TrustIfaces) == 0 && len(s.TrustPrefixes) == 0 {
		return
	}
	c := b.chain("trusted", "from those who need not knock")
	dispatch(c, b.entries(func(p *point) (Verdict, bool) { return Verdict{Kind: Accept}, len(p.listeners) == 0 }))
	if s.DefaultDrop {
		c.add("", Verdict{Goto, "undecided"})
	}
}
