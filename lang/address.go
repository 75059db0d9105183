package lang

import (
	"net/netip"
	"strings"
)

// ParseAddr reads an IPv4 or IPv6 address. The problem, if there is one, completes a
// sentence that begins with the text.
func ParseAddr(text string) (addr netip.Addr, problem string) {
	if addr, n := ipv4Prefix(text); n > 0 && n == len(text) {
		return addr, ""
	}
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

// SourcePrefix reads the IPv4 address at the beginning of a text, with its port if it has
// one. n is its length, 0 if there is none.
func SourcePrefix(text string) (addr netip.Addr, port uint16, n int) {
	addr, n = ipv4Prefix(text)
	if n > 0 && n < len(text) && text[n] == ':' {
		var length int
		if port, length = PortPrefix(text[n+1:]); length == 0 {
			return addr, 0, 0
		}
		n += 1 + length
	}
	return addr, port, n
}

// ipv4Prefix reads the IPv4 address at the beginning of a text. n is its length, 0 if
// there is none.
func ipv4Prefix(text string) (addr netip.Addr, n int) {
	var octets [4]byte
	for i := range octets {
		if i > 0 {
			if n == len(text) || text[n] != '.' {
				return addr, 0
			}
			n++
		}
		begin, value := n, 0
		for n < len(text) && n < begin+4 && isDigit(text[n]) {
			value = 10*value + int(text[n]-'0')
			n++
		}
		if n == begin || value > 255 || n > begin+1 && text[begin] == '0' {
			return addr, 0
		}
		octets[i] = byte(value)
	}
	return netip.AddrFrom4(octets), n
}
