package compiler

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"knockc/lang"
)

// admissions are the conditions under which `from` and `on` admit a packet, each for a
// rule of its own. At most one of them holds for a packet.
func admissions(from []lang.Prefix, on []lang.Iface) [][]Instruction {
	conditions := [][]Instruction{nil}
	if len(on) > 0 {
		conditions = nil
		for _, i := range distinctIfaces(on) {
			conditions = append(conditions, []Instruction{i})
		}
	}
	if len(from) == 0 {
		return conditions
	}
	var both [][]Instruction
	for _, condition := range conditions {
		for _, p := range distinctPrefixes(from) {
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

// trust adds rules with the verdict for those who need not knock.
func (b *builder) trust(c *Chain, v Verdict) {
	s := &b.policy.Settings
	for _, i := range distinctIfaces(s.TrustIfaces) {
		c.add("", i, v)
	}
	trusted := distinctPrefixes(s.TrustPrefixes)
	for _, f := range Families {
		if some := ofFamily(trusted, f); len(some) > 0 {
			c.add("", Source{f, some}, v)
		}
	}
}

// trusted lets those to the services who need not knock. They move nothing.
func (b *builder) trusted() {
	if !b.policy.Settings.Trusts() {
		return
	}
	c := b.chain("trusted", "from trusted sources")
	plain := slices.DeleteFunc(slices.Clone(b.services), (*point).isElsewhere)
	c.dispatchHere(entries(plain, always(accept)))
	for _, k := range b.policy.Knocks {
		own := slices.DeleteFunc(slices.Clone(b.services), func(p *point) bool { return !slices.Contains(p.guards, k) })
		for _, d := range destinations(k.At) {
			c.dispatchHere(entries(own, always(accept)), d)
		}
	}
	if b.policy.Settings.Hook == lang.HookInput {
		b.opened(c, "opens", b.opens)
		b.end(c)
	}
}
