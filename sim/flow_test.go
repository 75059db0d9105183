package sim_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// flowStep is a packet of a flow between a peer and a host that does not always answer.
type flowStep struct {
	byHost bool
	flags  lang.Flags
	after  time.Duration // since the step before
	state  string        // of a packet of the peer
	lasts  time.Duration // how long the flow lasts from here if nothing comes; 0: nobody asks
}

const (
	ack, synAck = lang.ACK, lang.SYN | lang.ACK
	finAck      = lang.FIN | lang.ACK
	days        = 24 * time.Hour
)

// flowTests are conversations whose every packet is known, as in a capture of both
// sides.
var flowTests = []struct {
	name  string
	proto lang.Proto
	steps []flowStep
}{
	{"a SYN alone", lang.TCP, []flowStep{peer(lang.SYN, "new", 2*time.Minute), peer(lang.SYN, "new", 0), peer(ack, "invalid", 0)}},
	{"half open", lang.TCP, []flowStep{peer(lang.SYN, "new", 2*time.Minute), host(synAck, time.Minute), peer(lang.SYN, "established", 0)}},
	{"the peer closes first", lang.TCP, []flowStep{
		peer(lang.SYN, "new", 2*time.Minute), host(synAck, time.Minute), peer(ack, "established", 5*days), host(ack, 5*days),
		peer(finAck, "established", 2*time.Minute), host(ack, time.Minute), host(finAck, 30*time.Second), peer(ack, "established", 2*time.Minute),
		peer(lang.SYN, "new", 2*time.Minute), host(synAck, time.Minute),
	}},
	{"the host closes first", lang.TCP, []flowStep{
		peer(lang.SYN, "new", 0), host(synAck, time.Minute), peer(ack, "established", 5*days),
		host(finAck, 2*time.Minute), peer(ack, "established", time.Minute), peer(lang.SYN, "established", 0),
		peer(finAck, "established", 30*time.Second), host(ack, 2*time.Minute), peer(lang.SYN, "new", 2*time.Minute),
	}},
	{"both close at once", lang.TCP, []flowStep{
		peer(lang.SYN, "new", 0), host(synAck, 0), peer(ack, "established", 0),
		peer(finAck, "established", 2*time.Minute), host(finAck, 30*time.Second), peer(lang.SYN, "established", 0), peer(ack, "established", 2*time.Minute),
		peer(lang.SYN, "new", 0),
	}},
	{"never acknowledged", lang.TCP, []flowStep{
		peer(lang.SYN, "new", 0), host(synAck, 0), peer(finAck, "established", 2*time.Minute), peer(ack, "established", time.Minute), peer(lang.SYN, "established", 0),
	}},
	{"acknowledged by the host alone", lang.TCP, []flowStep{
		peer(lang.SYN, "new", 0), host(synAck, 0), host(ack, time.Minute), peer(lang.SYN, "established", 0), peer(ack, "established", 0), peer(lang.SYN, "established", 0),
	}},
	{"picked up", lang.TCP, []flowStep{
		peer(ack, "new", 5*time.Minute), peer(ack, "new", 5*time.Minute), host(ack, 5*time.Minute), peer(lang.SYN, "established", 0),
		peer(ack, "established", 0), peer(lang.SYN, "established", 0),
	}},
	{"the host's own", lang.TCP, []flowStep{
		host(lang.SYN, 2*time.Minute), peer(synAck, "established", time.Minute), host(ack, 5*days), peer(ack, "established", 5*days),
		peer(synAck, "established", 0), peer(lang.SYN, "invalid", 0),
		host(finAck, 2*time.Minute), peer(finAck, "established", 30*time.Second), host(ack, 2*time.Minute), peer(lang.SYN, "new", 2*time.Minute),
	}},
	{"datagrams", lang.UDP, []flowStep{peer(0, "new", 30*time.Second), host(0, 30*time.Second), host(0, 30*time.Second), peer(0, "established", 30*time.Second)}},
	{"a stream", lang.UDP, []flowStep{
		peer(0, "new", 30*time.Second), late(host(0, 30*time.Second)), host(0, 2*time.Minute), peer(0, "established", 2*time.Minute),
	}},
	{"datagrams that nobody answers", lang.UDP, []flowStep{peer(0, "new", 30*time.Second), late(peer(0, "new", 30*time.Second))}},
	{"the host's own datagrams", lang.UDP, []flowStep{
		host(0, 30*time.Second), late(peer(0, "established", 30*time.Second)), host(0, 2*time.Minute), peer(0, "established", 2*time.Minute),
	}},
}

func peer(flags lang.Flags, state string, lasts time.Duration) flowStep {
	return flowStep{flags: flags, state: state, lasts: lasts}
}

func host(flags lang.Flags, lasts time.Duration) flowStep {
	return flowStep{byHost: true, flags: flags, lasts: lasts}
}

// late is a step so late that a flow of datagrams is a stream.
func late(s flowStep) flowStep {
	s.after = 2100 * time.Millisecond
	return s
}

// TestConversations: the packets of both sides decide what is established, and for how
// long.
func TestConversations(t *testing.T) {
	for _, test := range flowTests {
		c := &conversation{t: t, proto: test.proto}
		for i, s := range test.steps {
			if got := c.play(test.steps[:i+1]); got != s.state {
				t.Errorf("%s, packet %d: %s, want %s", test.name, i+1, got, s.state)
			}
			if s.lasts == 0 || !answered(test.steps[:i+1]) {
				continue
			}
			before := c.send(peer(ack&c.flags(), "", 0), c.now+s.lasts-1)
			c.play(test.steps[:i+1])
			if after := c.send(peer(ack&c.flags(), "", 0), c.now+s.lasts); before == "new" || after != "new" {
				t.Errorf("%s: %v after packet %d the flow is %s, and before that %s", test.name, s.lasts, i+1, after, before)
			}
		}
	}
}

// answered reports whether both sides have sent: else all that comes is new, whether
// the flow lasts or not.
func answered(steps []flowStep) bool {
	return slices.ContainsFunc(steps, func(s flowStep) bool { return s.byHost != steps[0].byHost })
}

// conversation is a flow in a machine.
type conversation struct {
	t     *testing.T
	proto lang.Proto
	m     *sim.Machine
	now   time.Duration
}

// flags are those that the flow's packets can have.
func (c *conversation) flags() lang.Flags {
	if c.proto == lang.TCP {
		return ^lang.Flags(0)
	}
	return 0
}

// play begins again, and tells the last step's state.
func (c *conversation) play(steps []flowStep) (state string) {
	c.m, c.now = newMachine(c.t, stateRules(compiler.Passed)), 0
	for _, s := range steps {
		state = c.send(s, c.now+s.after)
	}
	return state
}

func (c *conversation) send(s flowStep, at time.Duration) (state string) {
	c.now = at
	p := &sim.Packet{Time: at, Src: source(1), SrcPort: 5000, Proto: c.proto, DstPort: 22, Flags: s.flags, Unanswered: true}
	if s.byHost {
		c.m.Answer(p)
		return ""
	}
	return stateOf(c.m, p)
}

// stateOf is the state of a packet in a machine with [stateRules].
func stateOf(m *sim.Machine, p *sim.Packet) string {
	_, changes := m.Packet(p)
	if len(changes) == 0 {
		return "none"
	}
	return compiler.ConnState(changes[0].State).String()
}

// TestFlows follows flows through connection tracking: each packet's state.
func TestFlows(t *testing.T) {
	const minute, day = time.Minute, 24 * time.Hour
	for _, test := range []struct {
		name    string
		proto   lang.Proto
		packets []flowPacket
	}{
		{"handshake", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {1, lang.SYN, "established"}, {1, lang.SYN | lang.ACK, "established"},
			{2, lang.ACK, "established"}, {3, lang.SYN | lang.ACK, "invalid"}, {3, lang.SYN, "established"},
		}},
		{"never acknowledged", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {1, lang.FIN | lang.ACK, "established"}, {2, lang.SYN, "established"}, {3, lang.ACK, "established"}, {4, lang.SYN, "established"},
		}},
		{"never sent", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {1, 0, "invalid"}, {1, lang.FIN, "invalid"}, {1, lang.FIN | lang.PSH | lang.URG, "invalid"},
		}},
		{"picked up", lang.TCP, []flowPacket{{0, lang.ACK, "new"}, {0, lang.SYN, "established"}, {1, lang.ACK, "established"}, {2, lang.SYN, "established"}}},
		{"no beginning", lang.TCP, []flowPacket{
			{0, lang.SYN | lang.ACK, "invalid"}, {1, lang.RST, "invalid"}, {2, lang.FIN | lang.ACK, "invalid"}, {3, lang.SYN, "new"},
		}},
		{"reset", lang.TCP, []flowPacket{{0, lang.SYN, "new"}, {1, lang.RST, "established"}, {2, lang.SYN, "new"}}},
		{"idle", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {5*day - 1, lang.ACK, "established"}, {10*day - 1, lang.ACK, "new"},
		}},
		{"finished", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {1, lang.FIN | lang.ACK, "established"}, {2 * minute, lang.ACK, "established"}, {2*minute + 5*day, lang.SYN, "new"},
		}},
		{"finished and gone", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {0, lang.FIN | lang.ACK, "established"}, {2 * minute, lang.SYN, "new"},
		}},
		{"datagrams", lang.UDP, []flowPacket{
			{0, 0, "new"}, {time.Second, 0, "established"}, {31 * time.Second, 0, "new"},
		}},
		{"stream", lang.UDP, []flowPacket{
			{0, 0, "new"}, {3 * time.Second, 0, "established"}, {122 * time.Second, 0, "established"}, {242 * time.Second, 0, "new"},
		}},
		{"not yet a stream", lang.UDP, []flowPacket{
			{0, 0, "new"}, {2 * time.Second, 0, "established"}, {32 * time.Second, 0, "new"},
		}},
	} {
		for _, port := range []uint16{5000, 0} {
			m := newMachine(t, stateRules(compiler.Accept))
			for i, p := range test.packets {
				got := stateOf(m, &sim.Packet{Time: p.at, Src: source(1), SrcPort: port, Proto: test.proto, DstPort: 22, Flags: p.flags})
				if got != p.state {
					t.Errorf("%s, packet %d from port %d: %s, want %s", test.name, i+1, port, got, p.state)
				}
			}
		}
	}
}

// TestAlone: a packet that is alone is no part of a flow of its ports.
func TestAlone(t *testing.T) {
	m := newMachine(t, stateRules(compiler.Accept))
	for i, alone := range []bool{true, false, true, false} {
		want := "new"
		if i == 3 {
			want = "established"
		}
		if got := stateOf(m, &sim.Packet{Src: source(1), SrcPort: 5000, Proto: lang.TCP, DstPort: 22, Flags: lang.SYN, Alone: alone}); got != want {
			t.Errorf("packet %d: %s, want %s", i+1, got, want)
		}
	}
}

// TestPassing: a packet that passes begins no flow, unless it says what becomes of it. In
// a flow that there is it counts.
func TestPassing(t *testing.T) {
	plain := func(flags lang.Flags) sim.Packet { return sim.Packet{Flags: flags} }
	answered, unanswered := sim.Packet{Flags: lang.SYN, Answered: true}, sim.Packet{Flags: lang.SYN, Unanswered: true}
	for _, test := range []struct {
		verdict compiler.VerdictKind
		first   sim.Packet
		then    []sim.Packet
		want    string // the state of the last
	}{
		{compiler.Passed, plain(lang.SYN), []sim.Packet{plain(lang.SYN)}, "new"},
		{compiler.Passed, plain(lang.SYN), []sim.Packet{plain(lang.ACK)}, "new"},
		{compiler.Passed, answered, []sim.Packet{plain(lang.ACK)}, "established"},
		{compiler.Passed, answered, []sim.Packet{plain(lang.ACK), plain(lang.SYN)}, "established"},
		{compiler.Passed, answered, []sim.Packet{plain(lang.RST), plain(lang.ACK)}, "new"},
		{compiler.Passed, unanswered, []sim.Packet{plain(lang.SYN)}, "new"},
		{compiler.Passed, unanswered, []sim.Packet{plain(lang.ACK)}, "invalid"}, // an ACK does not follow a SYN
		{compiler.Drop, answered, []sim.Packet{plain(lang.ACK)}, "new"},
		{compiler.Drop, unanswered, []sim.Packet{plain(lang.ACK)}, "new"},
		{compiler.Accept, plain(lang.SYN), []sim.Packet{plain(lang.ACK)}, "established"},
		{compiler.Accept, unanswered, []sim.Packet{plain(lang.ACK)}, "invalid"},
	} {
		m, got := newMachine(t, stateRules(test.verdict)), ""
		for _, p := range append([]sim.Packet{test.first}, test.then...) {
			p.Src, p.SrcPort, p.DstPort = source(1), 5000, 22
			got = stateOf(m, &p)
		}
		if got != test.want {
			t.Errorf("%v of %+v, then %+v: %s, want %s", test.verdict, test.first, test.then, got, test.want)
		}
	}
}

// TestFlowsElsewhere: packets to other addresses are other flows.
func TestFlowsElsewhere(t *testing.T) {
	a, b := netip.MustParseAddr("192.168.0.5"), netip.MustParseAddr("192.168.0.6")
	m := newMachine(t, stateRules(compiler.Accept))
	for i, p := range []struct {
		to     netip.Addr
		flags  lang.Flags
		answer bool
		state  string
	}{
		{a, lang.SYN, false, "new"},
		{netip.Addr{}, lang.ACK, false, "new"},
		{b, lang.ACK, true, ""}, // no flow that it could answer
		{b, lang.ACK, false, "new"},
		{a, lang.ACK, false, "invalid"},
		{a, lang.SYN | lang.ACK, true, ""},
		{a, lang.ACK, false, "established"},
		{a, lang.SYN, false, "established"},
		{b, lang.SYN, false, "new"},
		{a, lang.RST, true, ""},
		{a, lang.ACK, false, "new"},
	} {
		packet := &sim.Packet{Src: source(1), SrcPort: 5000, DstPort: 22, Flags: p.flags, To: p.to, Unanswered: true}
		got := ""
		if p.answer {
			m.Answer(packet)
		} else {
			got = stateOf(m, packet)
		}
		if got != p.state {
			t.Errorf("packet %d: %s, want %s", i+1, got, p.state)
		}
	}
}

// TestAnswers: what the host sends decides what is established.
func TestAnswers(t *testing.T) {
	const host = 255 // no source: the host sends
	type packet struct {
		from  int
		flags lang.Flags
		state string
	}
	for _, test := range []struct {
		name    string
		proto   lang.Proto
		drop    bool
		packets []packet
	}{
		{"answered", lang.TCP, false, []packet{{1, lang.SYN, "new"}, {1, lang.SYN, "new"}, {host, lang.SYN | lang.ACK, ""}, {1, lang.ACK, "established"}}},
		{"refused by the host", lang.TCP, false, []packet{{1, lang.SYN, "new"}, {host, lang.RST | lang.ACK, ""}, {1, lang.SYN, "new"}, {1, lang.ACK, "invalid"}}},
		{"cut by the host", lang.TCP, false, []packet{{1, lang.SYN, "new"}, {host, lang.SYN | lang.ACK, ""}, {1, lang.ACK, "established"}, {host, lang.RST, ""}, {1, lang.RST, "invalid"}}},
		{"the host's own", lang.TCP, false, []packet{{host, lang.SYN, ""}, {1, lang.SYN | lang.ACK, "established"}, {1, lang.ACK, "established"}}},
		{"the host's own, under a default of drop", lang.TCP, true, []packet{{host, lang.SYN, ""}, {1, lang.SYN | lang.ACK, "established"}}},
		{"an answer to what was dropped", lang.TCP, true, []packet{{1, lang.SYN, "new"}, {host, lang.SYN | lang.ACK, ""}, {1, lang.ACK, "new"}}},
		{"datagram answered", lang.UDP, false, []packet{{1, 0, "new"}, {1, 0, "new"}, {host, 0, ""}, {1, 0, "established"}}},
		{"the host's own datagram", lang.UDP, true, []packet{{host, 0, ""}, {1, 0, "established"}}},
		{"an answer to a dropped datagram", lang.UDP, true, []packet{{1, 0, "new"}, {host, 0, ""}, {1, 0, "new"}}},
		{"ping", lang.Ping, false, []packet{{1, 0, "new"}, {host, 0, ""}, {1, 0, "established"}}},
	} {
		verdict := compiler.Passed
		if test.drop {
			verdict = compiler.Drop
		}
		m := newMachine(t, stateRules(verdict))
		for i, p := range test.packets {
			packet := &sim.Packet{Src: source(1), SrcPort: 5000, Proto: test.proto, DstPort: 22, Flags: p.flags, Unanswered: true}
			if p.from == host {
				m.Answer(packet)
				continue
			}
			if got := stateOf(m, packet); got != p.state {
				t.Errorf("%s, packet %d: %s, want %s", test.name, i+1, got, p.state)
			}
		}
	}
}

type flowPacket struct {
	at    time.Duration
	flags lang.Flags
	state string
}

// stateRules record each packet's state, and then have a verdict.
func stateRules(verdict compiler.VerdictKind) *compiler.Ruleset {
	record := func(state uint32) compiler.Update {
		return compiler.Update{Key: compiler.Key{Bits: 32, State: state}, Set: "s", Timeout: time.Second}
	}
	var rules [][]compiler.Instruction
	for _, s := range []compiler.ConnState{compiler.StateNew, compiler.StateEstablished, compiler.StateInvalid} {
		rules = append(rules, []compiler.Instruction{compiler.CtState{States: s}, record(uint32(s))})
	}
	if verdict != compiler.Passed {
		rules = append(rules, []compiler.Instruction{compiler.Verdict{Kind: verdict}})
	}
	return ruleset(100, rules...)
}
