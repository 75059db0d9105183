package trace

import (
	"net/netip"

	"example.org/knockc/lang"
)

// to reads the address that a packet from a source goes to; the source is not
// valid if it could not be read.
func (p *parser) to(src netip.Addr) *To {
	text, ok := p.value("address", "to 10.0.0.5")
	if !ok {
		return nil
	}
	at := p.span(p.next - 1)
	addr, problem := lang.ParseAddr(text)
	switch {
	case problem != "":
		p.notAddressed(text, problem)
	case !oneHost(addr):
		p.errorf(lang.CodeAddress, at, "", "%s cannot be the address of another host", lang.Quote(text))
	case src.IsValid() && src.Is4() != addr.Is4():
		p.errorf(lang.CodeAddress, at, "", "%s is %s, but the source %s is %s", lang.Quote(text), family(addr), src, family(src))
	}
	p.made.to = To{addr, at}
	return &p.made.to
}

// notAddressed says what is wrong with a text, the word before the next, that is
// no address.
func (p *parser) notAddressed(text, problem string) {
	hint := ""
	if prefix, err := netip.ParsePrefix(text); err == nil {
		problem, hint = "is a prefix, but a packet goes to one address", "to "+prefix.Addr().String()
	} else if host, port, _ := lang.ParseSource(text); port != 0 {
		problem, hint = "has a port, but the port comes after `->`", "to "+host.String()
	} else if unclosed(text) {
		p.openString(p.span(p.next - 1))
		return
	}
	p.errorf(lang.CodeAddress, p.span(p.next-1), hint, "%s %s", lang.Quote(text), problem)
}

// oneHost reports whether an address can be that of one host, and not only of the
// sender itself.
func oneHost(a netip.Addr) bool {
	everybody := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a != everybody
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}
