package knockd

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

var families = map[int]string{32: "IPv4", 128: "IPv6"}

// destination takes the addresses that a rule is about packets to.
func (r *rule) destination(text string) (problem string) {
	for address := range strings.SplitSeq(text, ",") {
		addr, err := netip.ParsePrefix(address)
		if single, wrong := lang.ParseAddr(address); wrong == "" {
			addr, err = netip.PrefixFrom(single, single.BitLen()), nil
		}
		switch {
		case address == "" || address[0] == '!':
			return unknown(address)
		case err != nil:
			return lang.Quote(address) + " is neither an address nor a prefix"
		case r.bits != 0 && addr.Addr().BitLen() != r.bits:
			return fmt.Sprintf("%s is not an %s address", lang.Quote(address), families[r.bits])
		case addr.Bits() == 0:
			r.at = append(r.at, lang.Prefix{})
		default:
			r.at = append(r.at, lang.Prefix{Prefix: addr.Masked()})
		}
	}
	return ""
}

// place is a service at an address, or anywhere.
type place struct {
	service lang.Service
	at      lang.Prefix
}

type places map[place]bool

// add adds each of some services at each of some addresses.
func (p places) add(services []lang.Service, at []lang.Prefix) {
	if len(at) == 0 {
		at = []lang.Prefix{{}}
	}
	for _, s := range services {
		for _, a := range at {
			p[place{s, a}] = true
		}
	}
}

// all are the services and the addresses, if each service is at all of these.
func (p places) all() (services []lang.Service, at []lang.Prefix, problem string) {
	for one := range p {
		services, at = append(services, one.service), append(at, one.at)
	}
	services = sorted(services)
	slices.SortFunc(at, func(a, b lang.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	at = slices.Compact(at)
	switch anywhere := slices.Contains(at, lang.Prefix{}); {
	case len(p) != len(services)*len(at) || anywhere && len(at) > 1:
		return nil, nil, "its rules do not open the same services at all of its addresses"
	case anywhere:
		at = nil
	}
	return services, at, ""
}

// where are the addresses with a space before each; a single one is without its length.
func where(at []lang.Prefix) string {
	var b strings.Builder
	for _, a := range at {
		b.WriteString(" " + strings.TrimSuffix(a.String(), fmt.Sprintf("/%d", a.Addr().BitLen())))
	}
	return b.String()
}

// ofFamily are the addresses whose family any of the others has.
func ofFamily(addresses, others []lang.Prefix) (some []lang.Prefix) {
	for _, a := range addresses {
		if slices.ContainsFunc(others, func(b lang.Prefix) bool { return a.Addr().BitLen() == b.Addr().BitLen() }) {
			some = append(some, a)
		}
	}
	return some
}
