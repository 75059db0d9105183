package spec

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"knockc/compiler"
	"knockc/internal/netns"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// pair is a policy and what happens to it.
type pair struct {
	name   string
	policy *lang.Policy
	result *compiler.Result
	events []trace.Event
}

// newPair compiles a policy that must be without fault.
func newPair(name, policyText string, events []trace.Event) (*pair, error) {
	policy, found := lang.Examine([]byte(policyText))
	result, more := compiler.Compile(policy)
	for _, f := range append(found, more...) {
		if f.Severity == lang.Error {
			return nil, fmt.Errorf("%s", f.Render(name, []byte(policyText)))
		}
	}
	return &pair{name, policy, result, events}, nil
}

// onModel returns what the model says of each event: a packet's verdict or a
// door's state.
func (p *pair) onModel(events []trace.Event) []string {
	m := NewModel(p.policy)
	var says []string
	for _, e := range events {
		switch {
		case e.Packet != nil:
			says = append(says, string(m.Packet(e.At, e.Packet)))
		case m.Open(e.At, e.Expect.Knock, e.Expect.Src):
			says = append(says, string(trace.Open))
		default:
			says = append(says, string(trace.Closed))
		}
	}
	return says
}

// onSim returns the same of the simulator, and which events opened a door.
func (p *pair) onSim(events []trace.Event) (says []string, opened []bool, err error) {
	player, err := replay.New(p.result)
	if err != nil {
		return nil, nil, err
	}
	for i := range events {
		o := player.Event(&events[i])
		says = append(says, o.Got)
		opens := false
		for _, m := range o.Moves {
			opens = opens || m.Opened()
		}
		opened = append(opened, opens)
	}
	return says, opened, nil
}

// observation is what the kernel did with a pair's packets.
type observation struct {
	pair   *pair
	events []trace.Event // the packets alone, each at the jiffy that the kernel saw
	says   []string
	sure   []bool // the jiffies of this and of all earlier packets of its source are known
}

// onKernel loads each pair's rules into a host of its own and sends it the
// packets at their times, all pairs at once.
func onKernel(t *testing.T, pairs []*pair) []*observation {
	t.Helper()
	scripts := make([]string, len(pairs))
	for i, p := range pairs {
		scripts[i] = script(t, p.result)
	}
	return onKernelWith(t, pairs, scripts)
}

// onKernelWith is onKernel with the rules given.
func onKernelWith(t *testing.T, pairs []*pair, scripts []string) []*observation {
	t.Helper()
	hosts := make([]*netns.Host, len(pairs))
	for i, p := range pairs {
		hosts[i] = netns.New(t, "eth0")
		if err := hosts[i].Load(scripts[i]); err != nil {
			t.Fatalf("%s: %v\n%s", p.name, err, scripts[i])
		}
		if err := listen(hosts[i], p.events); err != nil {
			t.Fatal(err)
		}
	}
	observations := make([]*observation, len(pairs))
	errs := make([]error, len(pairs))
	var group sync.WaitGroup
	for i, p := range pairs {
		group.Go(func() { observations[i], errs[i] = observe(hosts[i], p) })
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%s: %v", pairs[i].name, err)
		}
	}
	return observations
}

func listen(h *netns.Host, events []trace.Event) error {
	for _, e := range events {
		if e.Packet == nil {
			continue
		}
		if err := h.Listen(netns.Proto(e.Packet.Proto.Number()), e.Packet.DstPort); err != nil {
			return err
		}
	}
	return nil
}

// observe sends a pair's packets. When they really arrive is up to the machine;
// the jiffies read around each say when it was.
func observe(h *netns.Host, p *pair) (*observation, error) {
	o := &observation{pair: p}
	unsure := map[string]bool{}
	start, first := time.Now(), netns.Jiffy()
	for _, e := range p.events {
		if e.Packet == nil {
			continue
		}
		time.Sleep(time.Until(start.Add(e.At)))
		r, err := h.Send(wire(e.Packet))
		if err != nil {
			return nil, err
		}
		verdict := trace.Drop
		if r.Accepted {
			verdict = trace.Accept
		}
		if r.Before != r.After {
			unsure[e.Packet.Src.String()] = true
		}
		e.At = time.Duration(r.Before-first) * time.Second / time.Duration(netns.HZ())
		o.events = append(o.events, e)
		o.says = append(o.says, string(verdict))
		o.sure = append(o.sure, !unsure[e.Packet.Src.String()])
	}
	return o, nil
}

func wire(p *trace.Packet) netns.Packet {
	return netns.Packet{
		Src: p.Src, SrcPort: p.SrcPort, Proto: netns.Proto(p.Proto.Number()), DstPort: p.DstPort, Flags: netns.TCPFlags(p.Flags),
	}
}

// tally counts what a comparison with the kernel saw.
type tally struct {
	policies, traces, packets, openings, leftOut, disagreements int
}

func (c *tally) String() string {
	return fmt.Sprintf("%d policies, %d traces, %d packets, %d openings, %d packets left out near a tick, %d disagreements",
		c.policies, c.traces, c.packets, c.openings, c.leftOut, c.disagreements)
}

// judge holds the model and the simulator, given the times that the kernel saw,
// against what the kernel did.
func (c *tally) judge(t *testing.T, o *observation) {
	t.Helper()
	model := o.pair.onModel(o.events)
	simulated, opened, err := o.pair.onSim(o.events)
	if err != nil {
		t.Fatal(err)
	}
	c.policies++
	for i := range o.events {
		if !o.sure[i] {
			c.leftOut++
			continue
		}
		c.packets++
		if opened[i] {
			c.openings++
		}
		if o.says[i] != model[i] || o.says[i] != simulated[i] {
			c.disagreements++
			t.Errorf("%s: %s\nkernel %s, model %s, simulator %s", o.pair.name, show(o.events[:i+1]), o.says[i], model[i], simulated[i])
			return
		}
	}
}

// show writes events as a trace.
func show(events []trace.Event) string {
	text := ""
	for _, e := range events {
		if p := e.Packet; p != nil {
			text += fmt.Sprintf("\n%ss %s -> %s", lang.FormatSeconds(e.At), p.Source(), p.Destination())
		}
	}
	return text
}
