package compiler

import (
	"cmp"
	"net/netip"
	"slices"

	"example.org/knockc/lang"
)

// admissions are the conditions under which `from` and `on` admit a packet, each for a
// rule of its own. At most one of them holds for a packet. There are none if there is no
// room for them.
func (b *builder) admissions(from []lang.Prefix, on []lang.Iface) [][]Instruction {
	if b.room.full || len(from)*len(on) > b.room.left {
		b.room.take(max(0, b.room.left+1))
		return nil
	}
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
			both = append(both, append(slices.Clip(condition), Source{FamilyOf(p.Addr()), []netip.Prefix{p}}))
		}
	}
	return both
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
	known := map[Iface]bool{}
	return slices.DeleteFunc(distinct, func(i Iface) bool {
		covered := known[i]
		for end := range len(i.Name) + 1 {
			covered = covered || known[Iface{i.Name[:end], true}]
		}
		known[i] = true
		return covered
	})
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
	known := map[netip.Prefix]bool{}
	var lengths []int // of the prefixes so far
	return slices.DeleteFunc(distinct, func(p netip.Prefix) bool {
		for _, length := range lengths {
			if wider, err := p.Addr().Prefix(length); err == nil && known[wider] {
				return true
			}
		}
		if known[p] = true; len(lengths) == 0 || lengths[len(lengths)-1] != p.Bits() {
			lengths = append(lengths, p.Bits())
		}
		return false
	})
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
	b.eachAt(b.services, func(p *point) []*lang.Knock { return p.guards }, func(own []*point, d Destination) {
		c.dispatchHere(entries(own, always(accept)), d)
	})
	if b.policy.Settings.Hook == lang.HookInput {
		b.opened(c, "opens", b.opens)
		b.end(c)
	}
}
