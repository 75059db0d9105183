package session

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"example.org/knockc/lang"
)

// anonymize replaces the addresses of sources, except for those that the policy names.
func (r *recording) anonymize(policy *lang.Policy) error {
	a := &anonymizer{kept: namedIn(policy), known: map[netip.Addr]netip.Addr{}, networks: map[netip.Prefix]*network{}}
	for _, n := range r.packets {
		if n.Iface == "lo" {
			continue
		}
		var err error
		if n.Src, err = a.replace(n.Src); err != nil {
			return err
		}
	}
	return nil
}

// namedIn are the prefixes of sources that a policy names.
func namedIn(policy *lang.Policy) []netip.Prefix {
	var all []netip.Prefix
	add := func(prefixes []lang.Prefix) {
		for _, p := range prefixes {
			all = append(all, p.Prefix)
		}
	}
	add(policy.Settings.TrustPrefixes)
	for _, o := range policy.Settings.Open {
		add(o.From)
	}
	for _, k := range policy.Knocks {
		add(k.From)
	}
	return all
}

// anonymizer gives addresses that no capture has. Addresses of one network, a /24 or a /64,
// get addresses of one network.
type anonymizer struct {
	kept     []netip.Prefix
	known    map[netip.Addr]netip.Addr
	networks map[netip.Prefix]*network // by the network that they replace
	next     [2]int                    // the number of the next network, by family
}

// network is a network that replaces another.
type network struct {
	netip.Prefix
	hosts uint64
}

func (a *anonymizer) replace(addr netip.Addr) (netip.Addr, error) {
	if slices.ContainsFunc(a.kept, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return addr, nil
	}
	if known, ok := a.known[addr]; ok {
		return known, nil
	}
	bits := 64
	if addr.Is4() {
		bits = 24
	}
	old := netip.PrefixFrom(addr, bits).Masked()
	n := a.networks[old]
	if n == nil {
		prefix, err := a.nextNetwork(addr.Is4())
		if err != nil {
			return addr, err
		}
		n = &network{Prefix: prefix}
		a.networks[old] = n
	}
	n.hosts++
	replaced := n.host(n.hosts)
	a.known[addr] = replaced
	return replaced, nil
}

// host is an address of the network; of IPv4 there are as many as of the other.
func (n *network) host(number uint64) netip.Addr {
	if n.Addr().Is4() {
		b := n.Addr().As4()
		b[3] = byte(number)
		return netip.AddrFrom4(b)
	}
	b := n.Addr().As16()
	binary.BigEndian.PutUint64(b[8:], number)
	return netip.AddrFrom16(b)
}

// nextNetwork is a network for documentation or benchmarks (RFC 5737, 2544, 3849), or if
// these are used up a private one, of which the policy names nothing.
func (a *anonymizer) nextNetwork(v4 bool) (netip.Prefix, error) {
	family, network := 1, networkIPv6
	if v4 {
		family, network = 0, networkIPv4
	}
	for {
		p, ok := network(a.next[family])
		if !ok {
			return p, fmt.Errorf("its sources are in more than %d networks, too many to replace all their addresses", a.next[family])
		}
		a.next[family]++
		if !slices.ContainsFunc(a.kept, p.Overlaps) {
			return p, nil
		}
	}
}

func networkIPv4(n int) (netip.Prefix, bool) {
	documentation := [][4]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}
	b := [4]byte{10, byte((n - 515) >> 8), byte(n - 515)}
	switch {
	case n < 3:
		b = documentation[n]
	case n < 3+512:
		b = [4]byte{198, 18 + byte((n-3)>>8), byte(n - 3)}
	}
	return netip.PrefixFrom(netip.AddrFrom4(b), 24), n < 515+1<<16
}

func networkIPv6(n int) (netip.Prefix, bool) {
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint32(b[4:], uint32(n))
	return netip.PrefixFrom(netip.AddrFrom16(b), 64), n < 1<<31-1
}
