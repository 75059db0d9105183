package lang

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// meet reports whether one source may knock at both. It is false once there was too much
// to compare.
func (o *overlapping) meet(a, b *Knock) bool {
	few, many := o.from[a], o.from[b]
	if len(few) > len(many) {
		few, many = many, few
	}
	o.left -= 10 + len(few) + len(a.On)*len(b.On)
	return o.left >= 0 && meetAny(a.On, b.On, func(p, q Iface) bool {
		return p.Name == q.Name || p.Wildcard && strings.HasPrefix(q.Name, p.Name) || q.Wildcard && strings.HasPrefix(p.Name, q.Name)
	}) && (len(few) == 0 || slices.ContainsFunc(few, func(p netip.Prefix) bool { return overlapsOne(many, p) }))
}

// outermost are prefixes in order, without those that are within others.
func outermost(prefixes []Prefix) []netip.Prefix {
	var all, outer []netip.Prefix
	for _, p := range prefixes {
		all = append(all, p.Prefix)
	}
	slices.SortFunc(all, comparePrefixes)
	for _, p := range all {
		if n := len(outer); n == 0 || !outer[n-1].Overlaps(p) {
			outer = append(outer, p)
		}
	}
	return outer
}

// comparePrefixes puts a prefix right before those that are within it.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// overlapsOne reports whether a prefix overlaps one of some outermost ones.
func overlapsOne(outer []netip.Prefix, p netip.Prefix) bool {
	i, _ := slices.BinarySearchFunc(outer, p, comparePrefixes)
	return i < len(outer) && outer[i].Overlaps(p) || i > 0 && outer[i-1].Overlaps(p)
}

// meetAny reports whether a pair meets; an empty list stands for everything.
func meetAny[T any](a, b []T, meet func(T, T) bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(x T) bool {
		return slices.ContainsFunc(b, func(y T) bool { return meet(x, y) })
	})
}
