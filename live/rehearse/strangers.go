//go:build linux

package rehearse

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"example.org/knockc/lang"
)

// stranger is a source that a packet can come from: by the interface by which the host
// reaches it, or one that the knock asks for.
type stranger struct {
	src   netip.Addr
	iface *link
	own   []netip.Addr // the host's addresses: at least one, the first is the one that it knows
}

// anywhere is where strangers are who may be anywhere: public addresses, since a firewall
// may well drop those that are kept for documents.
var anywhere = [2][]netip.Prefix{
	{netip.MustParsePrefix("20.40.0.0/14"), netip.MustParsePrefix("96.0.0.0/8"), netip.MustParsePrefix("62.0.0.0/8")},
	{netip.MustParsePrefix("2600:8800::/28"), netip.MustParsePrefix("2a02:8100::/24")},
}

// strangers finds sources for a knock that its clauses admit and that need to knock for a
// service. It gives none twice until there are no more.
type strangers struct {
	place  *place
	policy *lang.Policy
	used   map[netip.Prefix]bool
	again  bool // sources are taken again, so what they have done must be forgotten
	ways   map[netip.Addr]way

	mentions [2][]mention // by family
}

// way is how the host answers a source.
type way struct {
	by   *link // nil if it cannot
	kind uint8 // of the route
}

func (s *strangers) way(src netip.Addr) way {
	w, known := s.ways[src]
	if !known {
		index, kind, _ := s.place.route(src)
		w = way{s.place.of.link(index), kind}
		s.ways[src] = w
	}
	return w
}

// find returns a stranger, or says why there is none.
func (s *strangers) find(k *lang.Knock, service lang.Service, v6 bool) (stranger, string) {
	if !slices.ContainsFunc(s.place.of.links, func(l link) bool { return l.up && admits(k.On, l.name) }) {
		return stranger{}, "no interface is up that the knock asks for"
	}
	why := "the copy reaches nobody who could knock"
	for range 2 { // the second time those that were used are taken again
		for _, area := range s.areas(k, v6) {
			one, problem := s.findIn(area, k, service, v6)
			if problem == "" {
				return one, ""
			}
			why = problem
		}
		s.again = s.again || len(s.used) > 0
		clear(s.used)
	}
	return stranger{}, why
}

// findIn finds one in an area, unless the first that it tries are none.
func (s *strangers) findIn(area netip.Prefix, k *lang.Knock, service lang.Service, v6 bool) (stranger, string) {
	const most = 32
	why, tried := "all sources that could be tried have knocked", 0
	for src := range spread(area, perOf(k, v6)) {
		source, _ := src.Prefix(perOf(k, v6))
		if s.used[source] {
			continue
		}
		one, problem := s.judge(k, service, src)
		if problem == "" {
			s.used[source] = true
			return one, ""
		}
		if why, tried = problem, tried+1; tried == most {
			break
		}
	}
	return stranger{}, why
}

func perOf(k *lang.Knock, v6 bool) int {
	if v6 {
		return k.Per.IPv6
	}
	return k.Per.IPv4
}

// areas are where strangers for a knock may be.
func (s *strangers) areas(k *lang.Knock, v6 bool) (all []netip.Prefix) {
	for _, from := range k.From {
		if from.Addr().Is6() == v6 {
			all = append(all, from.Prefix)
		}
	}
	if len(k.From) > 0 {
		return all
	}
	all = append(all, anywhere[bit(v6)]...)
	for _, a := range s.place.of.addresses { // a knock from inside
		if l := s.place.of.link(a.index); l != nil && admits(k.On, l.name) && a.prefix.Addr().Is6() == v6 {
			all = append(all, a.prefix.Masked())
		}
	}
	return all
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// spread yields addresses in an area that count as different sources: not too many, as
// there may be 2^128, and far from each other.
func spread(area netip.Prefix, per int) iter.Seq[netip.Addr] {
	const most = 10
	free := max(per-area.Bits(), 0) // bits that tell one source from another
	bits := min(free, most)
	last := area.Addr().BitLen() - 1
	return func(yield func(netip.Addr) bool) {
		for n := range 1 << bits {
			b := area.Masked().Addr().AsSlice()
			for i := range bits {
				at := area.Bits() + i
				b[at/8] |= byte(n>>i&1) << (7 - at%8)
			}
			switch {
			case area.Bits()+bits < last: // not the address of a network
				b[last/8] |= 1
			case n == 0 && bits > 1:
				continue
			}
			if a, _ := netip.AddrFromSlice(b); !yield(a) {
				return
			}
		}
	}
}

// judge says whether a source is a stranger to a service that may do the knock.
func (s *strangers) judge(k *lang.Knock, service lang.Service, src netip.Addr) (one stranger, problem string) {
	way := s.way(src)
	by := way.by
	switch {
	case by == nil || !by.up || way.kind != unix.RTN_UNICAST || s.place.of.owns(src):
		return stranger{}, fmt.Sprintf("the copy has no route to %v", src)
	case !admits(k.On, by.name):
		if by = s.asked(k, src); by == nil {
			return stranger{}, "no source that the host answers comes in by " + names(k.On)
		}
	}
	if why := s.admitted(service, src, by); why != "" {
		return stranger{}, why
	}
	own := s.place.of.ownAddresses(by.index, src.Is6())
	if len(own) == 0 {
		return stranger{}, "the host has no address in this family"
	}
	return stranger{src, by, own}, ""
}

// admitted says why a source need not knock for the first port of a service.
func (s *strangers) admitted(service lang.Service, src netip.Addr, by *link) string {
	settings := &s.policy.Settings
	switch {
	case contains(settings.TrustPrefixes, src) || len(settings.TrustIfaces) > 0 && admits(settings.TrustIfaces, by.name):
		return "the sources that could be tried are trusted"
	case slices.ContainsFunc(settings.Open, func(o lang.Open) bool { return opens(o, service, src, by.name) }):
		return "the service is open for the sources that could be tried"
	}
	return ""
}

// asked is an interface that the knock asks for and that would take a packet from the
// source, though the answer leaves by another one.
func (s *strangers) asked(k *lang.Knock, src netip.Addr) *link {
	for i := range s.place.of.links {
		l := &s.place.of.links[i]
		if l.up && admits(k.On, l.name) && (src.Is6() || !s.strict(l.name)) {
			return l
		}
	}
	return nil
}

// strict reports whether an interface takes only packets whose answers leave by it.
func (s *strangers) strict(iface string) bool {
	of := func(which string) string { return s.place.of.sysctl("ipv4/conf/" + which + "/rp_filter") }
	return max(of("all"), of(iface)) == "1"
}

func contains(all []lang.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p lang.Prefix) bool { return p.Contains(a) })
}

// admits reports whether an interface is one of those, or anyone is meant.
func admits(all []lang.Iface, name string) bool {
	return len(all) == 0 || slices.ContainsFunc(all, func(i lang.Iface) bool {
		return i.Name == name || i.Wildcard && strings.HasPrefix(name, i.Name)
	})
}

func opens(o lang.Open, service lang.Service, src netip.Addr, iface string) bool {
	return slices.ContainsFunc(o.Services, func(s lang.Service) bool { return s.Has(service.Proto, service.First) }) &&
		(len(o.From) == 0 || contains(o.From, src)) && admits(o.On, iface)
}

func names(all []lang.Iface) string {
	var texts []string
	for _, i := range all {
		texts = append(texts, i.String())
	}
	return strings.Join(texts, " or ")
}
