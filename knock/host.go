package knock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// CheckHost returns an error if a text is neither an address nor the name of a host. If
// it is one, it is safe to paste into a shell's command line.
func CheckHost(text string) error {
	if host, ok := withoutPort(text); ok {
		return fmt.Errorf("%s is more than a host: write %s", lang.Quote(text), host)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	if strings.Contains(text, ":") {
		addr, err := netip.ParseAddr(text)
		if err != nil || strings.Trim(addr.Zone(), allowed) != "" {
			return fmt.Errorf("%s is not an address", lang.Quote(text))
		}
		return nil
	}
	if text == "" || text[0] == '-' || strings.Trim(text, allowed) != "" {
		return fmt.Errorf("%s is not a host: expected an address or a name, such as 192.0.2.1, 2001:db8::1 or host.example", lang.Quote(text))
	}
	return nil
}

// withoutPort is the host of a URL, or of a host and a port.
func withoutPort(text string) (host string, ok bool) {
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		rest = text
	}
	rest = strings.TrimSuffix(rest, "/")
	if h, port, err := net.SplitHostPort(rest); err == nil && lang.IsDigits(port) {
		return h, CheckHost(h) == nil
	}
	return rest, isURL && CheckHost(rest) == nil
}

// Networks are the families for [Lookup], named as in package net.
const (
	AnyFamily = "ip"
	IPv4      = "ip4"
	IPv6      = "ip6"
)

// Lookup returns the addresses to knock at: the first of each family, in the order
// that the system prefers. The network is [AnyFamily], [IPv4] or [IPv6].
func Lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr = addr.Unmap(); network == AnyFamily || addr.Is4() == (network == IPv4) {
			return []netip.Addr{addr}, nil
		}
		return nil, fmt.Errorf("%s is not an %s address", host, familyName(network))
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound && network != AnyFamily:
		return nil, fmt.Errorf("cannot find an %s address of %s", familyName(network), host)
	case errors.As(err, &dns):
		return nil, fmt.Errorf("cannot find %s: %s", host, dns.Err)
	case err != nil:
		return nil, fmt.Errorf("cannot find %s: %w", host, err)
	}
	var first []netip.Addr
	for _, addr := range all {
		addr = addr.Unmap()
		if !slices.ContainsFunc(first, func(a netip.Addr) bool { return a.Is4() == addr.Is4() }) {
			first = append(first, addr)
		}
	}
	return first, nil
}

func familyName(network string) string {
	if network == IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// errNoZone is the error of a link-local address without an interface.
func errNoZone(to netip.Addr) error {
	return fmt.Errorf("a link-local address needs its interface: %s%%eth0", to)
}
