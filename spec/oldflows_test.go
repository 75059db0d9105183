package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// In a trace the host answers each packet at once and never begins to close. Here it is a
// real one: it closes first, last or not at all, dies, or forgets its flows, and what it
// sends is told to the model and the simulator, as a capture would.

// oldFlowPolicies have a door that is opened and shut without waiting.
var oldFlowPolicies = []string{
	"knock ssh < 1001 1002 -> 2022 within 1m grant forever close 1003 >",
	"knock ssh < 1001 1002 -> 2022 within 1m grant forever close 1003 once >",
	"default drop knock ssh < 1001 1002 -> 2022 within 1m grant 1h close 1003 >",
	"knock ssh < 1001 1002 -> 2022 within 1m grant 1h close 1003 reset any >",
	"hook input knock ssh < 1001 1002 -> 2022 within 1m grant forever close 1003 once >",
}

// act is what happens in a turn.
type act struct {
	what string
	port uint16 // of the client
}

var actsOnFlows = []string{"syn", "syn", "syn", "syn", "ack", "ack", "psh ack", "fin ack", "rst", "close", "close", "abort", "forget", "knock", "knock", "shut"}

func drawActs(t *rapid.T) []act {
	acts := []act{{"knock", 0}}
	for range rapid.IntRange(10, 40).Draw(t, "acts") {
		acts = append(acts, act{rapid.SampledFrom(actsOnFlows).Draw(t, "what"), rapid.Uint16Range(5001, 5002).Draw(t, "port")})
	}
	return acts
}

// oldFlows plays acts on the three machines.
type oldFlows struct {
	host    *netns.Host
	model   *Model
	sim     *sim.Machine
	now     time.Duration
	src     netip.Addr
	agreed  map[uint16]bool // by client port: the handshake is done, and the host has not closed
	ended   map[uint16]bool // the host has closed
	dead    map[uint16]bool // the host has aborted: the kernel keeps the flow for 10 s more, so that one SYN is sure and no second
	over    map[uint16]bool // a RST has ended the flow, or it was forgotten: only a SYN is sure after it
	retired map[uint16]bool // dead, and a SYN has come
	fault   string
	said    []string
	refused int // SYNs on flows that the kernel would call established
}

func (o *oldFlows) packet(port, to uint16, flags lang.Flags) {
	o.now += time.Millisecond
	p := &trace.Packet{Src: o.src, SrcPort: port, DstPort: to, Flags: flags, Unanswered: &lang.Span{}}
	simulated := sim.Packet{Time: o.now, Iface: trace.DefaultIface, Src: o.src, SrcPort: port, DstPort: to, Flags: flags, Unanswered: true}
	onOld := isSYN(p) && o.model.established(o.now, p)
	r, err := o.host.Send(wire(p))
	model := visible(string(o.model.Packet(o.now, p)), p)
	verdict, _ := o.sim.Packet(&simulated)
	says := visible(replay.Ruled(verdict).String(), p)
	kernel := oldVerdict(r)
	o.said = append(o.said, fmt.Sprintf("%v from %d: kernel %s, model %s, simulator %s", p.Destination(), port, kernel, model, says))
	switch {
	case err != nil:
		o.fault = err.Error()
	case kernel != model || kernel != says:
		o.fault = "they disagree"
	case onOld && kernel == string(trace.Drop):
		o.refused++
	}
	o.answers()
}

func isSegment(what string) bool {
	return !slices.Contains([]string{"knock", "shut", "forget", "close", "abort"}, what)
}

func oldVerdict(r netns.Result) string {
	if r.Accepted {
		return string(trace.Accept)
	}
	return string(trace.Drop)
}

// answers tells model and simulator what the host has sent.
func (o *oldFlows) answers() {
	sent, err := o.host.Sent()
	if err != nil {
		o.fault = err.Error()
	}
	for _, s := range sent {
		o.now += time.Microsecond
		flags := lang.Flags(s.Flags)
		o.model.Answer(o.now, &trace.Packet{Src: s.Dst.Addr(), SrcPort: s.Dst.Port(), DstPort: s.Src.Port(), Flags: flags})
		o.sim.Answer(&sim.Packet{Time: o.now, Src: s.Dst.Addr(), SrcPort: s.Dst.Port(), DstPort: s.Src.Port(), Flags: flags})
		o.said = append(o.said, fmt.Sprintf("    the host sends %v to %d", flags, s.Dst.Port()))
		switch {
		case s.Flags&netns.RST != 0, s.Flags&netns.SYN == 0 && !o.agreed[s.Dst.Port()] && !o.ended[s.Dst.Port()]:
			o.agreed[s.Dst.Port()], o.over[s.Dst.Port()] = false, true
		case s.Flags&netns.SYN != 0:
			o.over[s.Dst.Port()], o.ended[s.Dst.Port()] = false, false
		}
	}
}

func (o *oldFlows) play(a act) {
	client := netns.Packet{Src: o.src, SrcPort: a.port, Proto: netns.TCP, DstPort: 2022}
	flags := map[string]lang.Flags{"ack": lang.ACK, "psh ack": lang.ACK | lang.PSH, "fin ack": lang.FIN | lang.ACK, "rst": lang.RST}
	if !isSegment(a.what) {
		o.said = append(o.said, fmt.Sprintf("%s %d", a.what, a.port))
	}
	switch {
	case a.what == "knock":
		o.packet(40000, 1001, lang.SYN)
		o.packet(40001, 1002, lang.SYN)
	case a.what == "shut":
		o.packet(40002, 1003, lang.SYN)
	case a.what == "forget":
		if err := o.host.ForgetFlows(); err != nil {
			o.fault = err.Error()
		}
		o.sim.Forget()
		o.model.flows = map[flow]flowState{}
		clear(o.agreed)
	case a.what == "close" && o.agreed[a.port]:
		o.end(a.port, o.host.CloseServer(client))
	case a.what == "abort" && o.agreed[a.port]:
		o.dead[a.port] = true
		o.end(a.port, o.host.AbortServer(client))
	case a.what == "syn" && !(o.dead[a.port] && o.retired[a.port]):
		o.retired[a.port] = o.dead[a.port]
		o.packet(a.port, 2022, lang.SYN)
	case flags[a.what] != 0 && !o.over[a.port] && !o.dead[a.port]:
		begun := o.model.established(o.now, &trace.Packet{Src: o.src, SrcPort: a.port, DstPort: 2022, Flags: lang.ACK})
		o.packet(a.port, 2022, flags[a.what])
		o.agreed[a.port] = o.agreed[a.port] || begun && flags[a.what]&lang.FIN == 0 && !o.ended[a.port]
		if a.what == "rst" {
			o.agreed[a.port], o.over[a.port] = false, true
		}
	}
}

func (o *oldFlows) end(port uint16, err error) {
	o.agreed[port], o.ended[port] = false, true
	if err != nil {
		o.fault = err.Error()
	}
	o.answers()
}

// TestOldFlowsOnKernel sends SYNs on living, half-closed, reset and forgotten flows.
func TestOldFlowsOnKernel(t *testing.T) {
	packets, refused := 0, 0
	for i, text := range oldFlowPolicies {
		p, err := newPair(text, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		host := netns.New(t, trace.DefaultIface)
		if err := host.Load(script(t, p.result)); err != nil {
			t.Fatal(err)
		}
		if err := host.Listen(netns.TCP, 2022); err != nil {
			t.Fatal(err)
		}
		machine, err := sim.New(p.result.Ruleset)
		if err != nil {
			t.Fatal(err)
		}
		model, now := NewModel(p.policy), time.Duration(0)
		for seed := range 120 {
			o := &oldFlows{host: host, model: model, sim: machine, now: now, src: someoneIn(seed), agreed: map[uint16]bool{}, ended: map[uint16]bool{}, dead: map[uint16]bool{}, retired: map[uint16]bool{}, over: map[uint16]bool{}}
			for _, a := range rapid.Custom(drawActs).Example(1000*i + seed) {
				if o.play(a); o.fault != "" {
					t.Fatalf("%s\n%s\n%s", text, strings.Join(o.said, "\n"), o.fault)
				}
			}
			packets += len(o.said)
			refused += o.refused
			now = o.now
		}
	}
	t.Logf("%d packets, %d SYNs refused on flows that conntrack calls established", packets, refused)
	if refused < 100 {
		t.Errorf("only %d SYNs were refused on old flows", refused)
	}
}

func someoneIn(n int) netip.Addr {
	if n%3 == 0 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(n >> 8), 15: byte(n)})
	}
	return netip.AddrFrom4([4]byte{10, 7, byte(n >> 8), byte(n)})
}
