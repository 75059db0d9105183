package lang

import (
	"net/netip"
	"strings"
)

// ParseAddr reads an IPv4 or IPv6 address. The problem, if there is one, completes a
// sentence that begins with the text.
func ParseAddr(text string) (addr netip.Addr, problem string) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return addr, "is not an IPv4 or IPv6 address"
	case addr.Zone() != "":
		return addr, "has a zone, which has no meaning here"
	case addr.Is4In6():
		return addr, "is an IPv4 address in IPv6 form: write " + addr.Unmap().String()
	}
	return addr, ""
}

// ParseSource reads `addr`, `addr:port` or `[addr6]:port`; the port is 0 if none is
// given. The problem, if there is one, completes a sentence that begins with the text.
func ParseSource(text string) (addr netip.Addr, port uint16, problem string) {
	host, portText := text, ""
	if rest, brackets := strings.CutPrefix(text, "["); brackets {
		inside, after, _ := strings.Cut(rest, "]")
		if !strings.HasPrefix(after, ":") {
			return addr, 0, "is not a source: with a port, an IPv6 address is written [2001:db8::1]:50000"
		}
		host, portText = inside, after[1:]
	} else if strings.Count(text, ":") == 1 {
		host, portText, _ = strings.Cut(text, ":")
	}
	addr, problem = ParseAddr(host)
	switch {
	case problem != "" || host == text:
		return addr, 0, problem
	case text[0] == '[' && addr.Is4():
		return addr, 0, "has brackets, which are for IPv6 addresses"
	}
	if port, problem = ParsePort(portText); problem != "" {
		return addr, 0, "has a bad port: " + Quote(portText) + " " + problem
	}
	return addr, port, ""
}
