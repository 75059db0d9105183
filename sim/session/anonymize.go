package session

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"

	"example.org/knockc/lang"
)

// anonymize replaces the addresses of sources, and returns how many keep theirs. Those in a
// prefix that the policy names stay in it, and what counts as one source for some knock
// still does.
func (r *recording) anonymize(policy *lang.Policy) (kept int, err error) {
	a := newAnonymizer(policy)
	keep := map[netip.Addr]bool{}
	for _, n := range r.packets {
		if n.Src.IsLoopback() {
			continue
		}
		old := n.Src
		if n.Src, err = a.replace(old); err != nil {
			return 0, err
		}
		if n.Src == old {
			keep[old] = true
		}
	}
	return len(keep), nil
}

// anonymizer gives addresses to sources. It numbers networks, the networks in them and so
// on, in the order in which they come up.
type anonymizer struct {
	named   []netip.Prefix // by the policy, the longest first
	levels  [2][]int       // the lengths of networks that matter, by family; the last are whole addresses
	known   map[netip.Prefix]netip.Prefix
	next    map[netip.Prefix]int64 // the number of the next network in another
	cursors [2]cursor              // where the next network of the first level is
}

func newAnonymizer(policy *lang.Policy) *anonymizer {
	a := &anonymizer{known: map[netip.Prefix]netip.Prefix{}, next: map[netip.Prefix]int64{}, levels: [2][]int{{24, 32}, {64, 128}}}
	add := func(prefixes []lang.Prefix) {
		for _, p := range prefixes {
			if p.Bits() > 0 { // all addresses are in the others
				a.named = append(a.named, p.Prefix)
			}
		}
	}
	add(policy.Settings.TrustPrefixes)
	for _, o := range policy.Settings.Open {
		add(o.From)
	}
	for _, k := range policy.Knocks {
		add(k.From)
		a.levels[0], a.levels[1] = append(a.levels[0], k.Per.IPv4), append(a.levels[1], k.Per.IPv6)
	}
	for family := range a.levels {
		slices.Sort(a.levels[family])
		a.levels[family] = slices.Compact(a.levels[family])
	}
	slices.SortStableFunc(a.named, func(p, q netip.Prefix) int { return q.Bits() - p.Bits() })
	return a
}

// of is the longest prefix that the policy names and an address is in.
func (a *anonymizer) of(addr netip.Addr) netip.Prefix {
	for _, p := range a.named {
		if p.Contains(addr) {
			return p
		}
	}
	return netip.Prefix{}
}

// replace is the address instead of another: the same for the same, in the same prefixes
// that the policy names.
func (a *anonymizer) replace(addr netip.Addr) (netip.Addr, error) {
	named := a.of(addr)
	const tries = 1000
	for range tries {
		at := named
		if !named.IsValid() {
			var err error
			if at, err = a.network(addr); err != nil {
				return addr, err
			}
		}
		for _, bits := range a.levels[familyOf(addr)] {
			if bits > at.Bits() {
				at = a.within(at, netip.PrefixFrom(addr, bits).Masked(), bits)
			}
		}
		if a.of(at.Addr()) == named {
			return at.Addr(), nil
		}
		delete(a.known, netip.PrefixFrom(addr, addr.BitLen())) // it is in a smaller prefix: try the next
	}
	return addr, nil
}

func familyOf(addr netip.Addr) int {
	if addr.Is4() {
		return 0
	}
	return 1
}

// within is the network of a length in another that takes the place of an old one.
func (a *anonymizer) within(parent, old netip.Prefix, bits int) netip.Prefix {
	if known, ok := a.known[old]; ok && parent.Contains(known.Addr()) {
		return known
	}
	n := a.next[parent]
	a.next[parent]++
	if bits == old.Addr().BitLen() {
		n++ // the first address names a network
	}
	number := new(big.Int).And(big.NewInt(n), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(bits-parent.Bits())), big.NewInt(1)))
	number.Lsh(number, uint(old.Addr().BitLen()-bits))
	sum := number.Or(number, new(big.Int).SetBytes(parent.Addr().AsSlice()))
	addr, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, old.Addr().BitLen()/8)))
	made := netip.PrefixFrom(addr, bits)
	a.known[old] = made
	return made
}

// network is the network of the first level that takes the place of that of an address.
func (a *anonymizer) network(addr netip.Addr) (netip.Prefix, error) {
	family := familyOf(addr)
	bits := a.levels[family][0]
	old := netip.PrefixFrom(addr, bits).Masked()
	if known, ok := a.known[old]; ok {
		return known, nil
	}
	for c := &a.cursors[family]; c.pool < len(pools[family]); {
		pool := pools[family][c.pool]
		p := c.next
		if !p.IsValid() {
			p = netip.PrefixFrom(pool.Addr(), bits)
		}
		if pool.Bits() > bits || !pool.Contains(p.Addr()) {
			*c = cursor{pool: c.pool + 1}
			continue
		}
		if c.next = after(p, bits); !c.next.IsValid() {
			*c = cursor{pool: c.pool + 1}
		}
		if !slices.ContainsFunc(a.named, p.Overlaps) {
			a.known[old] = p
			return p, nil
		}
	}
	return old, fmt.Errorf("its sources are in too many networks to replace all their addresses")
}

// cursor is where in the pools of a family the next network is.
type cursor struct {
	pool int
	next netip.Prefix // not valid: the first of the pool
}

// after is the network of a length that follows another.
func after(p netip.Prefix, bits int) netip.Prefix {
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-bits))
	sum := size.Add(size, new(big.Int).SetBytes(p.Addr().AsSlice()))
	if sum.BitLen() > p.Addr().BitLen() {
		return netip.Prefix{}
	}
	addr, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, p.Addr().BitLen()/8)))
	return netip.PrefixFrom(addr, bits)
}

// pools are networks for documentation and benchmarks (RFC 5737, 2544, 3849), and then a
// private one.
var pools = [2][]netip.Prefix{
	{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("10.0.0.0/8")},
	{netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fd00::/8")},
}
