package trace

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// AttributeNames are the attributes of packets, TCP flags first in the order of
// their bits.
var AttributeNames = append(slices.Clone(lang.FlagNames), "null", "on", "to", "unanswered", "answered", "otp", "every", "reverse", "shuffle")

// attributeSet holds attributes as bits, in the order of their names.
type attributeSet uint16

const (
	null attributeSet = 1 << (iota + 6)
	on
	to
	unanswered
	answered
	otp
	every
	reverse
	shuffle
)

const (
	tcpFlags = null - 1                  // but `null`
	ofTCP    = tcpFlags | null           // what only a TCP segment has
	ofRange  = every | reverse | shuffle // what only a range of ports has
)

// attributes reads what stands between the destination and the verdict. What is
// said of them depends on the destination, if that is known.
func (p *parser) attributes(k *Packet, known bool) {
	var given attributeSet
	for {
		text := p.word(p.next)
		if text == "" || text == "=>" {
			break
		}
		i := slices.Index(AttributeNames, text)
		if i < 0 {
			p.unknownAttribute()
			known = false
			continue
		}
		a := attributeSet(1) << i
		p.fits(k, a, given, known)
		p.next++
		p.attribute(k, a)
		given |= a
	}
	k.Flags = lang.Flags(given & tcpFlags)
	if k.Proto == lang.TCP && given&ofTCP == 0 {
		k.Flags = lang.SYN
	}
	if k.Range != nil && known && given&every == 0 {
		p.errorf(lang.CodeSyntax, k.Range.Span, "every 1ms", "a range of ports needs `every`, the time between two packets")
	}
}

// fits holds an attribute, the next word, against the destination and the
// attributes before it. Of several that clash in the same way only the first is
// a finding.
func (p *parser) fits(k *Packet, a, given attributeSet, known bool) {
	var hint, message string
	code := lang.CodeSyntax
	switch {
	case given&a != 0:
		code, hint, message = lang.CodeDuplicate, "leave one of them out", "the attribute "+lang.Quote(p.word(p.next))+" was already given"
	case a&ofTCP != 0 && known && k.Proto != lang.TCP:
		if given&ofTCP == 0 {
			hint, message = "leave it out", kind(k)+" has no tcp flags"
		}
	case a == null && given&tcpFlags != 0, a&tcpFlags != 0 && given&ofTCP == null:
		hint, message = "leave one of them out", "`null` means no flags, so it excludes other flags"
	case a&ofRange != 0 && known && k.Range == nil:
		if given&ofRange == 0 {
			hint, message = p.withoutRange(k, a), lang.Quote(p.word(p.next))+" needs a range of ports"
		}
	case a == reverse && given&shuffle != 0, a == shuffle && given&reverse != 0:
		hint, message = "leave one of them out", "`reverse` and `shuffle` exclude each other"
	case a == answered && given&unanswered != 0, a == unanswered && given&answered != 0:
		hint, message = "leave one of them out", "`answered` and `unanswered` exclude each other"
	case a == answered && known && k.Proto == lang.Ping:
		hint, message = "leave it out", "`answered` is for segments and datagrams, not for a ping"
	case a == otp && known && k.Proto != lang.UDP:
		hint, message = "udp/62201 otp ssh", "a one-time code is in a UDP datagram, not in "+kind(k)
	}
	if message != "" {
		p.errorf(code, p.span(p.next), hint, "%s", message)
	}
}

// withoutRange says what to type instead of an attribute, the next word, that only a
// range of ports has.
func (p *parser) withoutRange(k *Packet, a attributeSet) string {
	if a != every && k.Proto == lang.Ping {
		return "leave it out"
	}
	ports, gap := "1000-2000", "1ms"
	if k.Proto == lang.UDP {
		ports = "udp/" + ports
	}
	if a != every {
		return fmt.Sprintf("a range is written %s every %s", ports, gap)
	}
	if _, err := lang.ParseDuration(p.word(p.next+1), time.Nanosecond); err == nil {
		gap = p.word(p.next + 1)
	}
	source := "192.0.2.7"
	if k.Src.IsValid() {
		source = k.Source()
	}
	arrow := slices.IndexFunc(p.words, func(w word) bool { return p.text[w.start:w.end] == "->" })
	hint := fmt.Sprintf("write a line for each packet: +%s %s -> %s", gap, source, p.word(arrow+1))
	if k.Proto != lang.Ping {
		hint += fmt.Sprintf("; or give a range: %s every %s", ports, gap)
	}
	return hint
}

// kind says what a packet is.
func kind(k *Packet) string {
	return [...]string{lang.TCP: "a TCP segment", lang.UDP: "a UDP datagram", lang.Ping: "a ping"}[k.Proto]
}

// attribute reads the value of an attribute, if it has one, into the packet.
func (p *parser) attribute(k *Packet, a attributeSet) {
	r := k.Range
	if r == nil {
		r = &p.made.ports // the value is read all the same
	}
	switch a {
	case on:
		k.On = p.iface()
	case to:
		k.To = p.to(k.Src)
	case unanswered:
		p.made.unanswered = p.span(p.next - 1)
		k.Unanswered = &p.made.unanswered
	case answered:
		p.made.answered = p.span(p.next - 1)
		k.Answered = &p.made.answered
	case otp:
		k.Code = p.code()
	case every:
		r.Every = p.every()
	case reverse:
		r.Order = HighToLow
	case shuffle:
		r.Order, r.Seed = Shuffled, p.seed()
	}
}

// value is the value of the attribute before the next word; false, with a
// finding, if what follows is something else.
func (p *parser) value(what, hint string) (string, bool) {
	text := p.word(p.next)
	if text == "" || text == "=>" || slices.Contains(AttributeNames, text) {
		p.errorf(lang.CodeSyntax, p.span(p.next-1), hint, "%s has no %s", lang.Quote(p.word(p.next-1)), what)
		return "", false
	}
	p.next++
	return text, true
}

func (p *parser) every() time.Duration {
	text, ok := p.value("duration", "every 1ms")
	if !ok {
		return 0
	}
	d, err := lang.ParseDuration(text, time.Nanosecond)
	if err != nil {
		hint := "a duration is numbers with units, largest first: 1m30s, 1.5s, 100us"
		if _, err := lang.ParseTime(text); err == nil {
			hint = text + "s"
		}
		p.errorf(lang.CodeDuration, p.span(p.next-1), hint, "%s %v", lang.Quote(text), err)
	}
	return d
}

func (p *parser) seed() uint64 {
	text, ok := p.value("seed", "shuffle 1")
	if !ok {
		return 0
	}
	seed, problem := number(text, 1<<64-1)
	if problem != "" {
		p.errorf(lang.CodeNumber, p.span(p.next-1), "shuffle 1", "%s is not a seed: %s", lang.Quote(text), problem)
	}
	return seed
}

func (p *parser) iface() *lang.Name {
	text, ok := p.value("interface", "on eth0")
	if !ok {
		return nil
	}
	name, problem, hint := lang.ParseIface(text)
	switch {
	case unclosed(text):
		p.openString(p.span(p.next - 1))
	case problem == "" && strings.HasSuffix(name, "*"):
		p.errorf(lang.CodeIface, p.span(p.next-1), "on eth0", "%s matches many interfaces, but a packet arrives on one", lang.Quote(text))
	case problem != "":
		p.errorf(lang.CodeIface, p.span(p.next-1), hint, "%s", problem)
	}
	p.made.on = lang.Name{Text: name, Span: p.span(p.next - 1)}
	return &p.made.on
}

// unknownAttribute reads a word that is no attribute, and what most likely
// belongs to it.
func (p *parser) unknownAttribute() {
	text, at := p.word(p.next), p.span(p.next)
	p.next++
	near, next := lang.Nearest(text, AttributeNames), p.word(p.next)
	if text == "at" { // as a policy says it
		near = "to"
	}
	switch {
	case near == "on" || near == "to" || near == "every" || near == "shuffle":
		p.skipUnknown(1)
	case near == "otp" && lang.IsName(p.word(p.next)):
		p.code()
	case near == "":
		p.skipUnknown(p.count())
	}
	switch {
	case unclosed(text):
		p.openString(at)
	case text == "-":
		p.errorf(lang.CodeUnknown, at, "a range is one word: 1000-2000", "unknown attribute `-`")
	default:
		hint := "attributes are " + strings.Join(AttributeNames, " ")
		if near != "" {
			hint = lang.DidYouMean(near, near)
		} else if other := attributeHint(text, next); other != "" {
			hint = other
		}
		p.errorf(lang.CodeUnknown, at, hint, "unknown attribute %s", lang.Quote(text))
	}
}

func (p *parser) openString(at lang.Span) {
	p.errorf(lang.CodeText, at, `end it with "`, "the string has no closing quote on its line")
}

// skipUnknown skips at most n words, and none that means something.
func (p *parser) skipUnknown(n int) {
	for ; n > 0 && p.word(p.next) != "" && p.word(p.next) != "=>"; n-- {
		if near := lang.Nearest(p.word(p.next), AttributeNames); near != "" {
			return
		}
		p.next++
	}
}
