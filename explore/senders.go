package explore

import (
	"net/netip"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Sender is a source as a knock sees it, and where its packets arrive.
type Sender struct {
	Src  netip.Addr
	On   string // an interface
	Kind SenderKind
}

// iface is where packets of the source arrive, as a trace says it.
func (s Sender) iface() *lang.Name {
	if s.On == trace.DefaultIface {
		return nil
	}
	return &lang.Name{Text: s.On}
}

// SenderKind is what a knock thinks of a source.
type SenderKind int

const (
	Admitted   SenderKind = iota // it may knock
	OtherFrom                    // the knock's `from` does not admit it
	OtherIface                   // the knock's `on` does not admit it
	Trusted                      // it need not knock
	senderKinds
)

func (k SenderKind) String() string {
	return [...]string{"admitted", "not in from", "not in on", "trusted"}[k]
}

// senders are sources of a family, one of each kind that there is for a knock, the
// admitted one first.
func senders(p *lang.Policy, k *lang.Knock, f compiler.Family) []Sender {
	var all []Sender
	candidates := candidates(p, k, f)
	for kind := range senderKinds {
		i := slices.IndexFunc(candidates, func(s Sender) bool { return s.Kind == kind })
		if i >= 0 {
			all = append(all, candidates[i])
		}
	}
	return all
}

// allSenders are sources on both sides of each address and interface that a policy names, as
// far as a knock, or an `open`, may see a difference: one of the two is as it asks.
func allSenders(p *lang.Policy, k *lang.Knock, f compiler.Family) (all []Sender) {
	candidates := candidates(p, k, f)
	if len(candidates) == 0 {
		return nil
	}
	usual := candidates[max(0, slices.IndexFunc(candidates, func(s Sender) bool { return s.Kind == Admitted }))]
	for _, s := range candidates {
		if s.Src == usual.Src || s.On == usual.On || slices.ContainsFunc(p.Settings.Open, s.nearly) {
			all = append(all, s)
		}
	}
	return all
}

// nearly reports whether an `open` asks for both a source and an interface, and this one is
// beside one of its prefixes and has at least one of the two.
func (s Sender) nearly(o lang.Open) bool {
	on := slices.ContainsFunc(o.On, func(i lang.Iface) bool { return i.Has(s.On) })
	return len(o.On) > 0 && slices.ContainsFunc(o.From, func(p lang.Prefix) bool {
		return (on || p.Contains(s.Src)) && slices.Contains(beside(p), s.Src)
	})
}

// beside are addresses at both ends of a prefix, inside and outside.
func beside(p lang.Prefix) []netip.Addr {
	first, last := ends(p)
	return []netip.Addr{first.Next(), first, last.Prev(), last, first.Prev(), last.Next()}
}

// candidates are sources that a policy may treat in different ways.
func candidates(p *lang.Policy, k *lang.Knock, f compiler.Family) (all []Sender) {
	for _, iface := range ifaces(p, k) {
		for _, src := range sources(p, k, f) {
			s := Sender{Src: src, On: iface}
			s.Kind = kindOf(p, k, s)
			all = append(all, s)
		}
	}
	return all
}

// sources are addresses of a family in and beside all prefixes of sources.
func sources(p *lang.Policy, k *lang.Knock, f compiler.Family) (all []netip.Addr) {
	prefixes := [][]lang.Prefix{k.From, p.Settings.TrustPrefixes}
	for _, o := range p.Settings.Open {
		prefixes = append(prefixes, o.From)
	}
	all = []netip.Addr{
		netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.1"),
		netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("2a00::9"), netip.MustParseAddr("2400::1"),
	}
	for _, list := range prefixes {
		for _, prefix := range list {
			all = append(all, beside(prefix)...)
		}
	}
	seen := map[netip.Addr]bool{}
	return slices.DeleteFunc(all, func(a netip.Addr) bool {
		real := a.IsValid() && compiler.FamilyOf(a) == f && (a.IsGlobalUnicast() || a.IsLinkLocalUnicast()) && !seen[a]
		seen[a] = true
		return !real
	})
}

// ends are the first and the last address of a prefix.
func ends(p lang.Prefix) (first, last netip.Addr) {
	first = p.Masked().Addr()
	b := first.AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(b)
	return first, last
}

// ifaces are interfaces that a policy names, and another.
func ifaces(p *lang.Policy, k *lang.Knock) []string {
	all := []string{trace.DefaultIface, "other0"}
	lists := [][]lang.Iface{k.On, p.Settings.TrustIfaces}
	for _, o := range p.Settings.Open {
		lists = append(lists, o.On)
	}
	for _, list := range lists {
		for _, i := range list {
			names := []string{i.Name}
			if i.Wildcard {
				names = []string{i.Name + "0", i.Name + "9"}
			}
			for _, name := range names {
				if name != "lo" && !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
	}
	return all
}

func kindOf(p *lang.Policy, k *lang.Knock, s Sender) SenderKind {
	in := func(all []lang.Prefix) bool {
		return slices.ContainsFunc(all, func(p lang.Prefix) bool { return p.Contains(s.Src) })
	}
	on := func(all []lang.Iface) bool {
		return slices.ContainsFunc(all, func(i lang.Iface) bool { return i.Has(s.On) })
	}
	switch {
	case in(p.Settings.TrustPrefixes), on(p.Settings.TrustIfaces):
		return Trusted
	case len(k.From) > 0 && !in(k.From):
		return OtherFrom
	case len(k.On) > 0 && !on(k.On):
		return OtherIface
	}
	return Admitted
}
