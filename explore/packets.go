package explore

import (
	"slices"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// packetsFor are the packets that a policy tells apart, as far as they matter to a knock:
// attempts at its steps and services and at those of knocks that it shares any with,
// segments of other kinds, conversations, and something for all else. The first ones, so many,
// are attempts at its own steps and services.
func packetsFor(p *lang.Policy, k *lang.Knock, from Sender) (all []trace.Packet, own int) {
	d := &drawn{policy: p, from: from, have: map[string]bool{}}
	d.sequences(k)
	d.services(k)
	own = len(d.all)
	d.attempts(k)
	d.conversations(k)
	return d.all, own
}

// attempts adds attempts at all that matters to a knock, and at something else.
func (d *drawn) attempts(k *lang.Knock) {
	d.sequences(k)
	d.services(k)
	for _, other := range d.policy.Knocks {
		if other != k && shares(k, other) {
			d.sequences(other)
			d.services(other)
		}
	}
	d.others(k)
}

// drawn are packets that were drawn so far.
type drawn struct {
	policy *lang.Policy
	from   Sender
	all    []trace.Packet
	have   map[string]bool
}

// add adds a packet, if there is none like it.
func (d *drawn) add(p trace.Packet) {
	p.Src, p.On = d.from.Src, d.from.iface()
	text := string((&trace.Event{Packet: &p}).AppendTo(nil))
	if !d.have[text] {
		d.have[text] = true
		d.all = append(d.all, p)
	}
}

// attempt adds a packet that goes to a port, for TCP a SYN.
func (d *drawn) attempt(p trace.Packet) {
	if p.Proto == lang.TCP {
		p.Flags = lang.SYN
	}
	d.add(p)
}

// sequences adds all steps of a knock, with codes of some periods.
func (d *drawn) sequences(k *lang.Knock) {
	to := d.elsewhere(k)
	for _, s := range k.AllSteps() {
		p := packetAt(s)
		if s.Code {
			for _, offset := range []int{0, -1, 1} {
				coded := p
				coded.Code = &trace.Code{Knock: k.Name.Text, Offset: k.Period * time.Duration(offset)}
				d.attemptAt(coded, to)
			}
		}
		d.attemptAt(p, to)
	}
}

// attemptAt adds an attempt at the host, and at another address if there is one.
func (d *drawn) attemptAt(p trace.Packet, other *trace.To) {
	d.attempt(p)
	if other != nil {
		p.To = other
		d.attempt(p)
	}
}

// services adds the ends of each range of ports, wherever the knock guards them.
func (d *drawn) services(k *lang.Knock) {
	for _, s := range k.Services {
		for _, port := range []uint16{s.First, s.Last} {
			d.attemptAt(trace.Packet{Proto: s.Proto, DstPort: port}, d.elsewhere(k))
		}
	}
}

// elsewhere is an address that the knock guards services at; nil if it is the host alone.
func (d *drawn) elsewhere(k *lang.Knock) *trace.To {
	for _, at := range k.At {
		if at.Addr().Is4() == d.from.Src.Is4() {
			return &trace.To{Addr: at.Addr()}
		}
	}
	return nil
}

// client is the port of a source's conversations.
const client = 40000

// conversations adds segments that are no attempts, and packets that belong together.
func (d *drawn) conversations(k *lang.Knock) {
	ofProto := func(of lang.Proto) *lang.Service {
		return last(k.Services, func(s lang.Service) bool { return s.Proto == of })
	}
	if s := ofProto(lang.TCP); s != nil {
		to := d.elsewhere(k)
		d.add(trace.Packet{DstPort: s.First, Flags: lang.ACK, To: to})
		for _, flags := range []lang.Flags{lang.SYN, lang.ACK, lang.FIN | lang.ACK, lang.RST} {
			d.add(trace.Packet{SrcPort: client, DstPort: s.First, Flags: flags, To: to})
		}
	}
	if s := ofProto(lang.UDP); s != nil {
		d.add(trace.Packet{Proto: lang.UDP, SrcPort: client, DstPort: s.First, To: d.elsewhere(k)})
	}
	if s := last(k.Steps, func(s lang.Step) bool { return s.Proto == lang.TCP }); s != nil {
		d.add(trace.Packet{DstPort: s.Port, Flags: lang.ACK})
		d.add(trace.Packet{SrcPort: client, DstPort: s.Port, Flags: lang.SYN, Answered: &lang.Span{}})
	}
	if s := last(k.Steps, func(s lang.Step) bool { return !s.Code && s.Proto != lang.TCP }); s != nil {
		p := packetAt(*s)
		p.SrcPort, p.Answered = client, &lang.Span{}
		d.add(p)
	}
}

// last is the last one for which something is true; nil if there is none.
func last[T any](all []T, is func(T) bool) *T {
	for i := len(all) - 1; i >= 0; i-- {
		if is(all[i]) {
			return &all[i]
		}
	}
	return nil
}

// others adds one packet of each kind for what has nothing to do with the knock.
func (d *drawn) others(k *lang.Knock) {
	port := d.otherPort()
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		d.attempt(trace.Packet{Proto: proto, DstPort: port})
	}
	d.add(trace.Packet{Proto: lang.Ping, Ping: &trace.Ping{Length: d.otherLength()}})
	for _, other := range d.policy.Knocks {
		if other != k && !shares(k, other) {
			d.attempt(packetAt(other.Steps[0]))
			d.attempt(trace.Packet{Proto: other.Services[0].Proto, DstPort: other.Services[0].First})
			break
		}
	}
	for _, o := range d.policy.Settings.Open {
		d.attempt(trace.Packet{Proto: o.Services[0].Proto, DstPort: o.Services[0].First})
	}
}

// otherPort is one that is nothing to the policy; the last if there is none.
func (d *drawn) otherPort() uint16 {
	for port := uint16(81); port < 65535; port++ {
		if !slices.ContainsFunc(d.policy.Knocks, func(k *lang.Knock) bool {
			return slices.ContainsFunc(k.AllSteps(), func(s lang.Step) bool { return s.Port == port }) || serves(k.Services, port)
		}) && !slices.ContainsFunc(d.policy.Settings.Open, func(o lang.Open) bool { return serves(o.Services, port) }) {
			return port
		}
	}
	return 65535
}

// otherLength is that of a ping that is no step of the policy, unless it is of any length.
func (d *drawn) otherLength() uint16 {
	for length := 1399; ; length-- {
		if !slices.ContainsFunc(d.policy.Knocks, func(k *lang.Knock) bool {
			return slices.ContainsFunc(k.AllSteps(), func(s lang.Step) bool { return s.Proto == lang.Ping && s.Length == length })
		}) || length == 0 {
			return uint16(length)
		}
	}
}

func serves(all []lang.Service, port uint16) bool {
	return slices.ContainsFunc(all, func(s lang.Service) bool { return s.First <= port && port <= s.Last })
}

// shares reports whether two knocks have a step or a port in common.
func shares(a, b *lang.Knock) bool {
	for _, s := range a.AllSteps() {
		for _, t := range b.AllSteps() {
			if s.Proto == t.Proto && s.Port == t.Port && (s.Proto != lang.Ping || s.Length == t.Length || s.Length == lang.AnyLength || t.Length == lang.AnyLength) {
				return true
			}
		}
	}
	for _, s := range a.Services {
		for _, t := range b.Services {
			if s.Proto == t.Proto && s.First <= t.Last && t.First <= s.Last {
				return true
			}
		}
	}
	return false
}

// packetAt is the packet that does a step, without a code.
func packetAt(s lang.Step) trace.Packet {
	p := trace.Packet{Proto: s.Proto, DstPort: s.Port}
	if s.Proto == lang.Ping {
		length := s.Length
		if length == lang.AnyLength {
			length = lang.UsualPingLength
		}
		p.Ping = &trace.Ping{Length: uint16(length)}
	}
	return p
}
