package sim_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"knockc/compiler"
	"knockc/lang"
	"knockc/sim"
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
	{"picked up", lang.TCP, []flowStep{peer(ack, "new", 5*time.Minute), peer(ack, "new", 5*time.Minute), host(ack, 5*time.Minute), peer(ack, "established", 5*days)}},
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
			if behind := c.send(peer(ack&c.flags(), "", 0), c.now+s.lasts); before == "new" || behind != "new" {
				t.Errorf("%s: %v behind packet %d the flow is %s, and before that %s", test.name, s.lasts, i+1, behind, before)
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

// play begins anew, and tells the last step's state.
func (c *conversation) play(steps []flowStep) (state string) {
	c.m, c.now = newMachine(c.t, stateRules()), 0
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
	_, changes := c.m.Packet(p)
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
		{"never sent", lang.TCP, []flowPacket{
			{0, lang.SYN, "new"}, {1, 0, "invalid"}, {1, lang.FIN, "invalid"}, {1, lang.FIN | lang.PSH | lang.URG, "invalid"},
		}},
		{"picked up", lang.TCP, []flowPacket{{0, lang.ACK, "new"}, {1, lang.ACK, "established"}}},
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
			m := newMachine(t, stateRules())
			for i, p := range test.packets {
				_, changes := m.Packet(&sim.Packet{Time: p.at, Src: source(1), SrcPort: port, Proto: test.proto, DstPort: 22, Flags: p.flags})
				got := "none"
				if len(changes) == 1 {
					got = compiler.ConnState(changes[0].State).String()
				}
				if got != p.state {
					t.Errorf("%s, packet %d from port %d: %s, want %s", test.name, i+1, port, got, p.state)
				}
			}
		}
	}
}

// TestAlone: a packet that is alone is no part of a flow of its ports.
func TestAlone(t *testing.T) {
	m := newMachine(t, stateRules())
	for i, alone := range []bool{true, false, true, false} {
		_, changes := m.Packet(&sim.Packet{Src: source(1), SrcPort: 5000, Proto: lang.TCP, DstPort: 22, Flags: lang.SYN, Alone: alone})
		want := compiler.StateNew
		if i == 3 {
			want = compiler.StateEstablished
		}
		if got := compiler.ConnState(changes[0].State); got != want {
			t.Errorf("packet %d: %s, want %s", i+1, got, want)
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
		rules := stateRules()
		if test.drop {
			base := rules.Chains[0]
			base.Rules = append(base.Rules, compiler.Rule{Instructions: []compiler.Instruction{compiler.Verdict{Kind: compiler.Drop}}})
		}
		m := newMachine(t, rules)
		for i, p := range test.packets {
			packet := &sim.Packet{Src: source(1), SrcPort: 5000, Proto: test.proto, DstPort: 22, Flags: p.flags, Unanswered: true}
			if p.from == host {
				m.Answer(packet)
				continue
			}
			_, changes := m.Packet(packet)
			if got := compiler.ConnState(changes[0].State).String(); got != p.state {
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

// stateRules accept everything and record each packet's state.
func stateRules() *compiler.Ruleset {
	var rules [][]compiler.Instruction
	for _, s := range []compiler.ConnState{compiler.StateNew, compiler.StateEstablished, compiler.StateInvalid} {
		rules = append(rules, []compiler.Instruction{
			compiler.CtState{States: s},
			compiler.Update{Key: compiler.Key{Bits: 32, State: uint32(s)}, Set: "s", Timeout: time.Second},
		})
	}
	return ruleset(100, rules...)
}

// TestFlowsOfNoMatter: flows take memory only where the rules do not accept all that
// comes anyway.
func TestFlowsOfNoMatter(t *testing.T) {
	const plain = "trust 10.0.0.0/8\nknock ssh < 1000 2000 -> 22 >"
	for _, test := range []struct {
		policy string
		proto  lang.Proto
		port   uint16
		kept   bool
	}{
		{plain, lang.TCP, 80, false},
		{plain, lang.UDP, 22, false},
		{plain, lang.Ping, 0, false},
		{plain, lang.TCP, 22, true},
		{"open 80\ndefault drop\n" + plain, lang.TCP, 80, false},
		{"open 80\ndefault drop\n" + plain, lang.Ping, 0, false},
		{"default drop\n" + plain, lang.TCP, 22, true},
		{"knock ssh < 1000 2000 -> 22 reset any >", lang.TCP, 80, true},
		{"knock ssh < 1000 ping 2000 -> 22 >", lang.Ping, 0, true},
		{"knock ssh < 1000 ping 2000 -> 22 >", lang.TCP, 80, false},
	} {
		policy, found := lang.Parse([]byte(test.policy))
		if len(found) > 0 {
			t.Fatal(found)
		}
		result, _ := compiler.Compile(policy)
		m := newMachine(t, result.Ruleset)
		before := heap()
		for i := range 50_000 {
			m.Verdict(&sim.Packet{Iface: "eth0", Src: source(1), SrcPort: uint16(i), Proto: test.proto, DstPort: test.port, Flags: lang.SYN})
		}
		if kept := heap()-before > 1<<20; kept != test.kept {
			t.Errorf("%q: flows of %s/%d are kept: %v", test.policy, test.proto, test.port, kept)
		}
		runtime.KeepAlive(m)
	}
}
