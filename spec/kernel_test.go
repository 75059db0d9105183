package spec

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// observation is what the kernel did with a pair's packets.
type observation struct {
	pair   *pair
	events []trace.Event // the packets alone, each at the jiffy that the kernel saw
	says   []string
	sure   []bool // the jiffies of this and of all earlier packets of its trace are known
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
		hosts[i] = netns.New(t, ifaces(p.events)...)
		if err := hosts[i].Load(scripts[i]); err != nil {
			t.Fatalf("%s: %v\n%s", p.name, err, scripts[i])
		}
		if err := listen(hosts[i], p); err != nil {
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

// ifaces are the interfaces that packets arrive on, the usual one first.
func ifaces(events []trace.Event) []string {
	names := []string{trace.DefaultIface}
	for _, e := range events {
		if e.Packet != nil && !slices.Contains(names, iface(e.Packet)) {
			names = append(names, iface(e.Packet))
		}
	}
	return names
}

// listen opens the ports at which the pair's packets are taken as answered.
func listen(h *netns.Host, p *pair) error {
	for at := range listening(p) {
		if err := h.Listen(at.proto, at.port); err != nil {
			return err
		}
	}
	return nil
}

type socket struct {
	proto netns.Proto
	port  uint16
}

// listening are the ports where the host answers: those of services, whether or not
// anything gets there, and those that the trace says to be answered. All others are closed.
func listening(p *pair) map[socket]bool {
	sockets := map[socket]bool{}
	says := onModel(p.policy, p.start, p.events)
	for i, e := range p.events {
		if e.Packet == nil || e.Packet.Proto == lang.Ping || e.Packet.To != nil {
			continue
		}
		if e.Packet.Answered != nil || says[i] == string(trace.Accept) || isNamed(p.policy, e.Packet) {
			sockets[socket{wire(e.Packet).Proto, e.Packet.DstPort}] = true
		}
	}
	return sockets
}

// isNamed reports whether the packet's port is a service of a knock, or open to someone.
func isNamed(policy *lang.Policy, p *trace.Packet) bool {
	return slices.ContainsFunc(policy.Knocks, func(k *lang.Knock) bool { return isService(k.Services, p) }) ||
		slices.ContainsFunc(policy.Settings.Open, func(o lang.Open) bool { return isService(o.Services, p) })
}

// observe sends a pair's packets. When they really arrive is up to the machine;
// the jiffies read around each say when it was.
func observe(h *netns.Host, p *pair) (*observation, error) {
	o := &observation{pair: p}
	unsure := map[int]bool{}
	first, inOneJiffy, err := p.loadCodes(h)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	for _, e := range p.events {
		if e.Packet == nil {
			continue
		}
		time.Sleep(time.Until(start.Add(e.At)))
		packet := wire(e.Packet)
		packet.Payload = p.payload(&e)
		r, err := h.Send(packet)
		if err != nil {
			return nil, err
		}
		number := p.traceOf(e.Packet.Src)
		if r.Before != r.After || !inOneJiffy {
			unsure[number] = true
		}
		moveTo(&e, time.Duration(r.Before-first)*time.Second/time.Duration(netns.HZ()))
		o.events = append(o.events, e)
		o.says = append(o.says, verdict(r))
		o.sure = append(o.sure, !unsure[number])
	}
	return o, nil
}

func wire(p *trace.Packet) netns.Packet {
	w := netns.Packet{
		Src: p.Src, SrcPort: p.SrcPort, DstPort: p.DstPort, Flags: netns.TCPFlags(p.Flags), Silent: p.Unanswered != nil,
		Proto: [...]netns.Proto{lang.TCP: netns.TCP, lang.UDP: netns.UDP, lang.Ping: netns.Ping}[p.Proto],
		Iface: iface(p),
	}
	if p.Ping != nil {
		w.Length = int(p.Ping.Length)
	}
	if p.To != nil {
		w.Dst = p.To.Addr
	}
	return w
}

// verdict is what became of a packet. A rejected one is not accepted, and answered.
func verdict(r netns.Result) string {
	switch {
	case r.Accepted, r.Forwarded:
		return string(trace.Accept)
	case r.Answer == netns.Reset || r.Answer == netns.Unreachable:
		return string(trace.Reject)
	}
	return string(trace.Drop)
}

// visible is a verdict as one can see it from outside: a reset is not answered
// (nf_send_reset), so nobody can tell whether it was rejected; nor whether a packet was
// accepted or left to the rest of the host.
func visible(verdict string, p *trace.Packet) string {
	switch {
	case verdict == string(trace.Reject) && p.Proto == lang.TCP && p.Flags&lang.RST != 0:
		return string(trace.Drop)
	case verdict == string(trace.Pass):
		return string(trace.Accept)
	}
	return verdict
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
	model := onModel(o.pair.policy, o.pair.start, o.events)
	simulated, opened, err := onSim(o.pair.result, o.pair.start, o.events)
	if err != nil {
		t.Fatal(err)
	}
	c.policies++
	for i, e := range o.events {
		if !o.sure[i] {
			c.leftOut++
			continue
		}
		c.packets++
		if opened[i] {
			c.openings++
		}
		if o.says[i] != visible(model[i], e.Packet) || model[i] != simulated[i] {
			c.disagreements++
			t.Errorf("%s: %s\nkernel %s, model %s, simulator %s", o.pair.name, show(o.events[:i+1]), o.says[i], model[i], simulated[i])
			return
		}
	}
}
