package report

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// object is the text of an object in JSON. Those of outcomes are made in place: there are
// as many as packets.
type object []byte

// key begins a member. It needs no escaping.
func (j *object) key(name string) {
	if last := (*j)[len(*j)-1]; last != '{' && last != '[' {
		*j = append(*j, ',')
	}
	*j = append(append(append(*j, '"'), name...), `":`...)
}

func (j *object) text(name, value string) {
	j.key(name)
	*j = appendJSONText(*j, value)
}

func (j *object) number(name string, n int) {
	j.key(name)
	*j = strconv.AppendInt(*j, int64(n), 10)
}

func (j *object) bool(name string, is bool) {
	j.key(name)
	*j = strconv.AppendBool(*j, is)
}

// seconds is a time, or null for what never comes.
func (j *object) seconds(name string, d time.Duration) {
	j.key(name)
	if d == sim.Never {
		*j = append(*j, "null"...)
	} else {
		*j = lang.AppendSeconds(*j, d)
	}
}

// addr is an address, which needs no escaping.
func (j *object) addr(name string, a netip.Addr) {
	j.key(name)
	*j = append(a.AppendTo(append(*j, '"')), '"')
}

// Outcome prints an outcome's object, after those of what time has undone before it.
func (p *JSON) Outcome(o replay.Outcome) {
	if p.State && o.OK() {
		return
	}
	for i := range o.Expired {
		p.expired(&o.Expired[i])
	}
	j := p.begin()
	j.number("line", o.Event.Span.Start.Line)
	j.key("t")
	j = lang.AppendSeconds(j, o.At)
	if x := o.Event.Expect; x != nil {
		j.text("expect", x.Knock)
		j.addr("src", x.Src)
	} else {
		j.packet(o)
	}
	j.result(o)
	if len(o.Moves) > 0 {
		j.moves(o.Moves)
	}
	p.line = append(j, "}\n"...)
	p.Out.Write(p.line)
}

// begin begins an object.
func (p *JSON) begin() object {
	j := append(p.line[:0], '{')
	if p.Several {
		j.text("file", p.file)
	}
	return j
}

// expired prints the object of what time has undone.
func (p *JSON) expired(x *replay.Expiry) {
	j := p.begin()
	j.seconds("t", x.At)
	j.key("src")
	j = append(appendSource(append(j, '"'), x.Source), '"')
	j.key("expired")
	j = append(j, '{')
	j.text("knock", x.Knock)
	switch x.Role {
	case compiler.Grant:
		j.bool("closed", true)
	case compiler.Closing:
		j.text("sequence", sequenceClose)
		fallthrough
	default:
		j.number("step", x.Step)
		j.number("of", x.Of)
	}
	p.line = append(j, "}}\n"...)
	p.Out.Write(p.line)
}

// packet says what is said of a packet.
func (j *object) packet(o replay.Outcome) {
	k := o.Event.Packet
	j.addr("src", k.Src)
	if k.SrcPort != 0 {
		j.number("sport", int(k.SrcPort))
	}
	j.text("proto", k.Proto.String())
	if k.Proto != lang.Ping {
		j.number("dport", int(o.DstPort))
	}
	if k.Ping != nil {
		j.number("length", int(k.Ping.Length))
	}
	if k.Proto == lang.TCP && k.Flags != lang.SYN { // that is no SYN
		if k.Flags == 0 {
			j.text("flags", "null")
		} else {
			j.key("flags")
			*j = append(k.Flags.AppendTo(append(*j, '"'), ','), '"')
		}
	}
	if k.To != nil { // if not to the host
		j.addr("to", k.To.Addr)
	}
	if k.Code != nil { // the knock, and perhaps an offset
		j.text("otp", strings.TrimPrefix(string(k.Code.AppendTo(nil)), "otp "))
	}
	if k.On != nil { // if the trace names it
		j.text("iface", k.On.Text)
	}
	if o.Got.Verdict == trace.Pass { // it is accepted because no rule decides
		j.text("verdict", string(trace.Accept))
		j.bool("pass", true)
	} else {
		j.text("verdict", o.Got.String())
	}
}

// result says what was wanted, if anything, and why that did not come.
func (j *object) result(o replay.Outcome) {
	if o.Wanted() {
		j.state("want", o.Want)
	}
	if o.Event.Expect != nil {
		j.state("got", o.Got)
	}
	if o.Wanted() {
		j.bool("ok", o.OK())
	}
	if o.Why != "" {
		j.text("why", o.Why)
	}
}

// state is a result: for `at N` it is a number.
func (j *object) state(name string, r replay.Result) {
	if r.IsStep {
		j.number(name, r.Step)
	} else {
		j.text(name, r.String())
	}
}

// moves says what a packet did to knocks.
func (j *object) moves(moves []replay.Move) {
	j.key("events")
	*j = append(*j, '[')
	for i, m := range moves {
		if i > 0 {
			*j = append(*j, ',')
		}
		*j = append(*j, '{')
		j.move(m)
		*j = append(*j, '}')
	}
	*j = append(*j, ']')
}

func (j *object) move(m replay.Move) {
	j.text("knock", m.Knock)
	switch m.Kind {
	case replay.Opened:
		j.seconds("open_until", m.Until)
	case replay.Closed:
		j.bool("closed", true)
	case replay.Reset:
		j.bool("reset", true)
	case replay.Uncertain: // what it did depends on the tick
		j.bool("depends", true)
	case replay.SteppedClose:
		j.text("sequence", sequenceClose)
		fallthrough
	default:
		j.number("step", m.Step)
		j.number("of", m.Of)
		j.seconds("until", m.Until)
	}
}
