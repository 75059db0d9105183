package trace

import (
	"strconv"
	"strings"

	"example.org/knockc/lang"
)

// AppendTo appends the event as a line of a trace, without its end. Its time counts from
// the start.
func (e *Event) AppendTo(b []byte) []byte {
	b = append(lang.AppendSeconds(b, e.At), "s "...)
	if e.Expect != nil {
		return e.Expect.appendTo(b)
	}
	p := e.Packet
	b = append(p.AppendSource(b), " -> "...)
	b = p.AppendAttributes(p.destination(b, p.Range, p.DstPort))
	if p.Range != nil {
		b = p.Range.appendAttributes(b)
	}
	if p.Want != "" {
		b = append(append(b, " => "...), p.Want...)
	}
	return b
}

func (x *Expect) appendTo(b []byte) []byte {
	b = append(append(append(b, "expect "...), x.Knock...), ' ')
	if x.At != nil {
		b = strconv.AppendInt(append(b, "at "...), int64(x.At.Step), 10)
	} else {
		b = append(b, x.State...)
	}
	return x.Src.AppendTo(append(b, " for "...))
}

// AppendAttributes appends the attributes that follow the destination, with a space before
// each, except for those of a range.
func (p *Packet) AppendAttributes(b []byte) []byte {
	if p.On != nil {
		b = append(append(b, " on "...), ifaceText(p.On.Text)...)
	}
	if p.Unanswered != nil {
		b = append(b, " unanswered"...)
	}
	if p.Answered != nil {
		b = append(b, " answered"...)
	}
	return b
}

// CanSay reports whether a packet of a trace can arrive on an interface of this name.
func CanSay(iface string) bool {
	_, problem, _ := lang.ParseIface(`"` + iface + `"`)
	return problem == "" && !strings.HasSuffix(iface, "*") && !strings.ContainsAny(iface, "\"\\") && lang.Printable(iface) == iface
}

// ifaceText is an interface as written in a trace: in quotes, if it needs them.
func ifaceText(name string) string {
	if _, problem, _ := lang.ParseIface(name); problem == "" {
		return lang.Printable(name)
	}
	return `"` + lang.Printable(name) + `"`
}

func (r *Range) appendAttributes(b []byte) []byte {
	b = append(append(b, " every "...), lang.FormatDuration(r.Every)...)
	switch r.Order {
	case HighToLow:
		b = append(b, " reverse"...)
	case Shuffled:
		b = strconv.AppendUint(append(b, " shuffle "...), r.Seed, 10)
	}
	return b
}
