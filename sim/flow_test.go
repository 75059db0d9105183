package sim_test

import (
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
