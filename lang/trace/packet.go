package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

const packetForm = "a packet is written 192.0.2.7 -> 10000, optionally followed by attributes and => drop"

// packet reads `SOURCE -> DESTINATION {attribute} [=> VERDICT]`. It returns
// what could be read.
func (p *parser) packet() *Packet {
	k := &p.made.packet
	*k = Packet{}
	if !p.source(k) {
		return nil
	}
	known := p.destination(k)
	p.attributes(k, known)
	if p.word(p.next) == "=>" {
		p.verdict(k)
	}
	if k.Answered != nil && (k.Want == Drop || k.Want == Reject) {
		p.errorf(lang.CodeSyntax, *k.Answered, "=> pass, or leave `answered` out", "an `answered` packet passes, so its verdict cannot be %s", lang.Quote(string(k.Want)))
	}
	return k
}

// source reads `SOURCE ->`; false if there is no arrow, so that the rest would
// only be guessed at.
func (p *parser) source(k *Packet) bool {
	var n int
	if k.Src, k.SrcPort, n = lang.SourcePrefix(p.ahead(p.next)); n > 0 && p.take(n) && p.takeArrow() {
		p.next += 2
		return true
	}
	text := p.word(p.next)
	if text == "->" {
		p.errorf(lang.CodeSyntax, p.span(p.next), packetForm, "expected a source before `->`")
		p.next++
		return true
	}
	var problem string
	k.Src, k.SrcPort, problem = lang.ParseSource(text)
	arrow := p.word(p.next+1) == "->"
	switch {
	case text == "":
		p.errorf(lang.CodeSyntax, p.span(p.next), packetForm, "expected a packet or `expect`, the line ends")
	case problem != "" && !arrow && !strings.ContainsAny(text, ".:"):
		p.errorf(lang.CodeSyntax, p.span(p.next), cmp.Or(lang.DidYouMean(text, "expect"), packetForm), "expected a packet or `expect`, found %s", lang.Quote(text))
	case problem != "":
		p.errorf(lang.CodeAddress, p.span(p.next), sourceHint(text), "%s %s", lang.Quote(text), problem)
	case !arrow:
		hint := packetForm
		if text := p.word(p.next + 1); text == ">" || text == "→" || text == "=>" || text == "--" {
			hint = "did you mean `->`?"
		}
		p.errorf(lang.CodeSyntax, p.span(p.next+1), hint, "expected `->` and a port, %s", p.found(p.next+1))
	case withPort(text) != "":
		p.warnf(lang.CodeMaybePort, p.span(p.next), withPort(text), "the last number of %s is a part of the address, not a port", lang.Quote(text))
	}
	p.next += 2
	return arrow
}

// destination reads `[proto/]PORT`, a range of ports or a ping. It is false if
// that cannot be told.
func (p *parser) destination(k *Packet) bool {
	if port, n := lang.PortPrefix(p.ahead(p.next)); n > 0 && p.take(n) {
		k.DstPort = port
		p.next++
		return true
	}
	text := p.word(p.next)
	if text == "" || text == "=>" {
		p.errorf(lang.CodeSyntax, p.span(p.next), packetForm, "expected a port, %s", p.found(p.next))
		return false
	}
	p.next++
	ports, from := text, 0
	if name, after, ok := strings.Cut(text, "/"); ok {
		ports, from = after, len(name)+1
		switch name {
		case "tcp":
		case "udp":
			k.Proto = lang.UDP
		case "ping":
			return p.ping(k, after)
		case "otp":
			p.errorf(lang.CodeUnknown, p.part(p.next-1, 0, len(name)), "udp/62201 otp ssh", "a one-time code is an attribute of a UDP datagram")
			return false
		default:
			if other := lang.PortHint(text); other != "" {
				p.errorf(lang.CodePort, p.span(p.next-1), other, "the protocol of %s comes first", lang.Quote(text))
				return false
			}
			hint := cmp.Or(lang.DidYouMean(name, "tcp", "udp", "ping"), "protocols are tcp and udp")
			p.errorf(lang.CodeUnknown, p.part(p.next-1, 0, len(name)), hint, "unknown protocol %s", lang.Quote(name))
			return false
		}
	} else if text == "ping" {
		return p.isPing(k, lang.UsualPingLength)
	}
	if first, last, ok := strings.Cut(ports, "-"); ok {
		return p.portRange(k, from, first, last)
	}
	port, ok := p.port(from, ports)
	k.DstPort = port
	return ok
}

// ping reads the length of a ping's data.
func (p *parser) ping(k *Packet, text string) bool {
	length, problem := number(text, lang.MaxPingLength)
	switch {
	case text == "":
		p.errorf(lang.CodeNumber, p.span(p.next-1), "ping/56", "`ping/` has no length")
		return false
	case problem != "":
		p.errorf(lang.CodeNumber, p.part(p.next-1, len("ping/"), len("ping/")+len(text)), "ping/56", "%s is not a length: %s", lang.Quote(text), problem)
		return false
	}
	return p.isPing(k, uint16(length))
}

func (p *parser) isPing(k *Packet, length uint16) bool {
	p.made.ping = Ping{length, p.span(p.next - 1)}
	k.Proto, k.Ping = lang.Ping, &p.made.ping
	return true
}

// portRange reads a range of ports, which begins at offset from of the word
// before the next.
func (p *parser) portRange(k *Packet, from int, first, last string) bool {
	at := p.part(p.next-1, from, from+len(first)+1+len(last))
	if first == "" || last == "" {
		p.errorf(lang.CodePort, at, "a range is written 1000-2000", "%s is not a range", lang.Quote(first+"-"+last))
		return false
	}
	low, ok1 := p.port(from, first)
	high, ok2 := p.port(from+len(first)+1, last)
	if !ok1 || !ok2 {
		return false
	}
	if low > high {
		p.errorf(lang.CodePort, at, last+"-"+first+", and `reverse` for high to low", "the range %s runs from high to low", lang.Quote(first+"-"+last))
		return false
	}
	p.made.ports = Range{First: low, Last: high, Span: p.span(p.next - 1)}
	k.Range = &p.made.ports
	return true
}

// port reads a port, which begins at offset from of the word before the next.
func (p *parser) port(from int, text string) (uint16, bool) {
	port, problem := lang.ParsePort(text)
	if problem == "" {
		return port, true
	}
	at, hint := p.part(p.next-1, from, from+len(text)), cmp.Or(lang.DidYouMean(cmp.Or(otherPings[strings.ToLower(text)], text), "ping"), addressed(text), listed(text), lang.PortHint(text))
	if trimmed := strings.TrimLeft(text, "0"); problem == "has a leading zero" {
		hint = trimmed
	}
	if text == "" {
		p.errorf(lang.CodePort, p.span(p.next-1), hint, "%s has no port", lang.Quote(p.word(p.next-1)))
	} else {
		p.errorf(lang.CodePort, at, hint, "%s %s", lang.Quote(text), problem)
	}
	return 0, false
}

// addressed is a hint for an address in the place of a port; "" if the text is none.
func addressed(text string) string {
	addr, port, problem := lang.ParseSource(text)
	switch {
	case problem != "":
		return ""
	case port == 0:
		port = 22 // an example
	}
	return fmt.Sprintf("an address comes after the port: %d to %s", port, addr)
}

// verdict reads `=> VERDICT`, which ends the line.
func (p *parser) verdict(k *Packet) {
	p.next++
	text := p.word(p.next)
	if i := slices.Index(verdicts, Verdict(text)); i >= 0 {
		k.Want = verdicts[i]
	} else {
		p.errorf(lang.CodeSyntax, p.span(p.next), verdictHint(text),
			"expected `accept`, `drop`, `reject` or `pass` after `=>`, %s", p.found(p.next))
	}
	p.next++
	if p.word(p.next) != "" {
		p.errorf(lang.CodeSyntax, p.span(p.next), "attributes come before `=>`", "nothing can follow the verdict, %s", p.found(p.next))
	}
}
