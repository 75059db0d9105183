package spec

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// traceDrawer draws what some sources of their own do to a policy. Sources are
// numbered so that traces which run on one host do not share any, however much
// of an address a `per` leaves.
type traceDrawer struct {
	policy *lang.Policy
	start  int64
	number int // of the trace
	now    time.Duration
	port   uint16      // the last source port used
	code   *trace.Code // the last one at a step
	events []trace.Event
}

func drawTrace(t *rapid.T, p *lang.Policy, start int64, number int) []trace.Event {
	d := &traceDrawer{policy: p, start: start, number: number, port: uint16(5000 + 1000*number)}
	for range rapid.IntRange(2, 6).Draw(t, "acts") {
		from := d.sender(t)
		switch rapid.IntRange(0, 6).Draw(t, "act") {
		case 0:
			d.noise(t, from)
		case 1:
			d.knock(t, from, rapid.IntRange(1, 100).Draw(t, "deadline"))
		case 2:
			d.close(t, from)
		case 3:
			d.unguarded(t, from)
		default:
			d.knock(t, from, 0)
		}
	}
	d.answer()
	return d.events
}

// answer marks the packets that the host answers though no rule decides about them: those
// that begin something at the ports in use.
func (d *traceDrawer) answer() {
	m := NewModel(d.policy)
	m.Start = d.start
	for _, e := range d.events {
		p := e.Packet
		used := firstService <= p.DstPort && p.DstPort <= lastService || slices.Contains([]uint16{lastStep, lastCode, openPort, inUse}, p.DstPort)
		if used && p.To == nil && p.Unanswered == nil && (isSYN(p) || p.Proto == lang.UDP) {
			p.Answered = &lang.Span{}
		}
		if m.Packet(e.At, p) != trace.Pass {
			p.Answered = nil
		}
	}
}

// sender is a source and the interface that its packets arrive on.
type sender struct {
	src   netip.Addr
	iface string
}

// sender draws one that a knock admits, for the most part.
func (d *traceDrawer) sender(t *rapid.T) sender {
	var s sender
	for range 4 {
		s = sender{d.source(t), rapid.SampledFrom(arrivals).Draw(t, "iface")}
		k := rapid.SampledFrom(d.policy.Knocks).Draw(t, "knock")
		if p := s.packet(lang.TCP, 0); admits(k, &p) {
			break
		}
	}
	return s
}

func (d *traceDrawer) source(t *rapid.T) netip.Addr {
	i := rapid.IntRange(0, 2).Draw(t, "host")
	upper := byte(rapid.SampledFrom([]int{0, 0, 0, 0x80}).Draw(t, "half"))
	if oneIn(t, 3, "IPv6") {
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8, upper, 7: byte(d.number)}
		binary.BigEndian.PutUint16(a[14:], hosts6[i])
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{10, upper, byte(d.number), hosts4[i]})
}

// traceOf is the number of the trace that a source belongs to.
func traceOf(src netip.Addr) int {
	if src.Is4() {
		return int(src.As4()[2])
	}
	return int(src.As16()[7])
}

// send adds a packet after a gap.
func (d *traceDrawer) send(gap time.Duration, p trace.Packet) {
	d.now += gap
	if p.To != nil && p.To.Addr.Is4() != p.Src.Is4() {
		p.To = nil
	}
	d.events = append(d.events, trace.Event{At: d.now, Packet: &p})
}

// packet is an attempt.
func (s sender) packet(proto lang.Proto, port uint16) trace.Packet {
	p := trace.Packet{Src: s.src, Proto: proto, DstPort: port}
	if s.iface != trace.DefaultIface {
		p.On = &lang.Name{Text: s.iface}
	}
	if proto == lang.TCP {
		p.Flags = lang.SYN
	}
	return p
}

func (s sender) ping(length int) trace.Packet {
	p := s.packet(lang.Ping, 0)
	p.Ping = &trace.Ping{Length: uint16(length)}
	return p
}

// step is an attempt at a step.
func (s sender) step(t *rapid.T, step lang.Step) trace.Packet {
	if step.Proto != lang.Ping {
		return s.packet(step.Proto, step.Port)
	}
	if step.Length == lang.AnyLength {
		return s.ping(rapid.SampledFrom([]int{0, 20, 56}).Draw(t, "length"))
	}
	return s.ping(step.Length)
}

// knock goes through a knock's sequence, with noise between, and then asks for a
// service; late is the percentage of steps that come around their deadline.
func (d *traceDrawer) knock(t *rapid.T, from sender, late int) {
	k := rapid.SampledFrom(d.policy.Knocks).Draw(t, "knock")
	d.sequence(t, from, k, k.Steps, late)
	d.visit(t, from, k)
	if oneIn(t, 4, "last step again") {
		p := from.step(t, k.Steps[len(k.Steps)-1])
		if k.Steps[len(k.Steps)-1].Code {
			p.Code = d.code
		}
		d.send(time.Millisecond, p)
		d.visit(t, from, k)
	}
}

// close goes through a knock's closing sequence, and then asks for a service.
func (d *traceDrawer) close(t *rapid.T, from sender) {
	k := rapid.SampledFrom(d.policy.Knocks).Draw(t, "knock")
	d.sequence(t, from, k, k.Close, 5)
	d.visit(t, from, k)
}

func (d *traceDrawer) sequence(t *rapid.T, from sender, k *lang.Knock, steps []lang.Step, late int) {
	away := len(k.At) > 0 && rapid.Bool().Draw(t, "steps elsewhere")
	for _, s := range steps {
		gap := time.Duration(rapid.IntRange(0, 15).Draw(t, "gap")) * time.Millisecond
		if rapid.IntRange(0, 99).Draw(t, "late") < late {
			gap = k.Within + time.Duration(rapid.IntRange(-1, 1).Draw(t, "around"))*time.Millisecond
		} else if k.Total != 0 && oneIn(t, 6, "slow") {
			gap = min(k.Within, k.Total/2) - unit/20
		}
		if oneIn(t, 8, "disturb") {
			d.noise(t, from)
		}
		p := from.step(t, s)
		if s.Code {
			d.code = drawCode(t, k)
			p.Code = d.code
		}
		if away && !oneIn(t, 6, "here") || oneIn(t, 40, "elsewhere") {
			p.To = other(t, from)
		}
		d.send(gap, p)
	}
}

// drawCode draws a code of a knock: one of many that may be used, one that other packets may
// have had, or one that is not there; or none.
func drawCode(t *rapid.T, k *lang.Knock) *trace.Code {
	periods := []int{-2, codesAhead + 2}[rapid.IntRange(0, 1).Draw(t, "past or future")]
	switch rapid.IntRange(0, 9).Draw(t, "code") {
	case 0:
		return nil
	case 1:
	case 2, 3:
		periods = rapid.IntRange(-1, 1).Draw(t, "near")
	default:
		periods = rapid.IntRange(-1, codesAhead-1).Draw(t, "ahead")
	}
	return &trace.Code{Knock: k.Name.Text, Offset: time.Duration(periods) * codePeriod}
}

// stray gives a datagram a code of any knock, wherever it goes.
func (d *traceDrawer) stray(t *rapid.T, p *trace.Packet) {
	k := rapid.SampledFrom(d.policy.Knocks).Draw(t, "knock")
	if p.Proto == lang.UDP && k.CodeStep() >= 0 && oneIn(t, 2, "stray code") {
		p.Code = drawCode(t, k)
	}
}

// other is a host behind the host.
func other(t *rapid.T, from sender) *trace.To {
	all := others4
	if from.src.Is6() {
		all = others6
	}
	return &trace.To{Addr: netip.MustParseAddr(rapid.SampledFrom(all).Draw(t, "to"))}
}

// unguarded sends segments of a flow to a port in use that no knock guards.
func (d *traceDrawer) unguarded(t *rapid.T, from sender) {
	p := from.packet(protos.Draw(t, "protocol"), rapid.SampledFrom([]uint16{lastStep, lastCode, openPort, inUse}).Draw(t, "port"))
	d.port++
	p.SrcPort = d.port
	for range rapid.IntRange(1, 3).Draw(t, "times") {
		d.stray(t, &p)
		d.send(time.Millisecond, p)
	}
	if p.Proto == lang.TCP {
		d.flow(t, p)
	}
}

// visit asks for a service of a knock, goes on in the flow, and comes back at
// about the end of the grant.
func (d *traceDrawer) visit(t *rapid.T, from sender, k *lang.Knock) {
	s := rapid.SampledFrom(k.Services).Draw(t, "service")
	p := from.packet(s.Proto, rapid.Uint16Range(s.First, s.Last).Draw(t, "port"))
	if rapid.Bool().Draw(t, "flow") {
		d.port++
		p.SrcPort = d.port
	}
	if len(k.At) > 0 && !oneIn(t, 6, "here") || oneIn(t, 20, "elsewhere") {
		p.To = other(t, from)
	}
	if s.Proto == lang.UDP && oneIn(t, 3, "unanswered") {
		p.Unanswered = &lang.Span{}
	}
	d.send(time.Millisecond, p)
	switch again := rapid.IntRange(0, 3).Draw(t, "again"); {
	case again == 0 && k.Grant != lang.Forever:
		d.send(k.Grant-time.Duration(rapid.IntRange(0, 2).Draw(t, "early"))*time.Millisecond, p)
	case again == 1:
		d.send(time.Millisecond, p)
	}
	if rapid.Bool().Draw(t, "goes on") && s.Proto == lang.TCP {
		d.flow(t, p)
	}
}

// flow sends segments of one flow. What passes after a RST depends on sequence
// numbers, which traces do not have; a SYN begins another. After a second FIN, a host whose
// program has not closed its side answers a SYN with a challenge (RFC 5961, section 4): not
// what a trace takes for an answer, so the flow ends with it.
func (d *traceDrawer) flow(t *rapid.T, p trace.Packet) {
	finished := 0
	for _, flags := range rapid.SliceOfN(rapid.SampledFrom(flowFlags), 1, 5).Draw(t, "flags") {
		p.Flags = flags
		d.send(time.Millisecond, p)
		switch {
		case flags&lang.FIN != 0:
			finished++
			continue
		case flags == lang.SYN && finished > 1:
			return
		case flags&lang.RST == 0:
			continue
		}
		if p.Flags = lang.SYN; rapid.Bool().Draw(t, "again") {
			d.send(time.Millisecond, p)
		}
		return
	}
}

// flowFlags are the flags of segments in a flow, strayFlags those of any.
var (
	flowFlags = []lang.Flags{
		lang.ACK, lang.ACK, lang.ACK | lang.PSH, lang.SYN, lang.SYN, lang.SYN | lang.ACK, lang.FIN, 0,
		lang.FIN | lang.PSH | lang.URG, lang.FIN | lang.ACK, lang.RST, lang.RST | lang.ACK,
	}
	strayFlags = []lang.Flags{
		lang.SYN, lang.SYN, lang.SYN | lang.PSH, lang.SYN | lang.ACK, lang.SYN | lang.FIN, lang.SYN | lang.RST,
		lang.ACK, lang.RST, lang.RST | lang.ACK, lang.FIN, lang.FIN | lang.ACK, 0,
	}
	strayPorts = []uint16{elsewhere, inUse, openPort, firstService, lastService, firstStep, firstStep + 1, lastStep, firstCode, lastCode, 546}
)

// noise sends a packet to any port, with any flags, or a ping.
func (d *traceDrawer) noise(t *rapid.T, from sender) {
	gap := time.Duration(rapid.IntRange(0, 20).Draw(t, "gap")) * time.Millisecond
	if oneIn(t, 6, "ping") {
		p := from.ping(rapid.SampledFrom([]int{0, 20, 56, 1400}).Draw(t, "length"))
		d.port++
		p.SrcPort = d.port
		d.send(gap, p)
		if rapid.Bool().Draw(t, "again") {
			d.send(gap, p)
		}
		return
	}
	p := from.packet(protos.Draw(t, "protocol"), rapid.SampledFrom(strayPorts).Draw(t, "port"))
	if p.Proto == lang.TCP {
		p.Flags = rapid.SampledFrom(strayFlags).Draw(t, "flags")
	}
	d.stray(t, &p)
	if oneIn(t, 8, "elsewhere") {
		p.To = other(t, from)
	}
	d.send(gap, p)
}
