package explore

import (
	"net/netip"
	"slices"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// neighbours are addresses that differ from a source in one bit: in the last of the network
// that the knock takes for one source, and in the one after that and the last of all, if there
// are such.
func neighbours(k *lang.Knock, src netip.Addr) (all []netip.Addr) {
	network := k.Per.IPv6
	if src.Is4() {
		network = k.Per.IPv4
	}
	for _, bit := range slices.Compact([]int{network, min(network+1, src.BitLen()), src.BitLen()}) {
		if bit > 0 {
			all = append(all, flipped(src, bit))
		}
	}
	return all
}

// between is an address that is one source with another by the shorter of two lengths of
// `per`, and not by the longer; false if these are the same.
func between(src netip.Addr, a, b lang.Per) (netip.Addr, bool) {
	long := max(a.IPv4, b.IPv4)
	differ := a.IPv4 != b.IPv4
	if src.Is6() {
		long, differ = max(a.IPv6, b.IPv6), a.IPv6 != b.IPv6
	}
	if !differ {
		return src, false
	}
	return flipped(src, long), true
}

// flipped is an address with another bit, counted from 1.
func flipped(a netip.Addr, bit int) netip.Addr {
	b := a.AsSlice()
	b[(bit-1)/8] ^= 0x80 >> ((bit - 1) % 8)
	other, _ := netip.AddrFromSlice(b)
	return other
}

// fromEach are attempts at a knock's steps and services, from each of several addresses.
func fromEach(p *lang.Policy, k *lang.Knock, on string, from []netip.Addr) (all []trace.Packet) {
	for _, src := range from {
		d := &drawn{policy: p, from: Sender{Src: src, On: on}, have: map[string]bool{}}
		d.sequences(k)
		d.services(k)
		all = append(all, d.all...)
	}
	return all
}
