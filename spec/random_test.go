package spec

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"knockc/lang"
	"knockc/lang/trace"
)

// The random pairs use few ports and short deadlines, so that knocks share
// ports, steps repeat, and deadlines pass. All durations are whole multiples of
// a tick at every usual HZ.
const (
	firstStep, lastStep       = 1001, 1005
	firstService, lastService = 2001, 2006
	elsewhere                 = 3000 // no policy speaks of it
	unit                      = 100 * time.Millisecond
)

var protos = rapid.SampledFrom([]lang.Proto{lang.TCP, lang.TCP, lang.UDP})

// policies draws the text of a policy.
var policies = rapid.Custom(func(t *rapid.T) string {
	text := ""
	for i := range rapid.IntRange(1, 3).Draw(t, "knocks") {
		k := &lang.Knock{
			Name:     lang.Name{Text: string(rune('a' + i))},
			Steps:    rapid.SliceOfN(rapid.Custom(drawStep), 1, 5).Draw(t, "steps"),
			Services: rapid.SliceOfN(rapid.Custom(drawService), 1, 3).Draw(t, "services"),
			Clauses: lang.Clauses{
				Within: unit * time.Duration(rapid.IntRange(1, 4).Draw(t, "within")),
				Grant:  unit * time.Duration(rapid.IntRange(1, 6).Draw(t, "grant")),
			},
		}
		text += k.String() + "\n"
	}
	return text
})

func drawStep(t *rapid.T) lang.Step {
	return lang.Step{Proto: protos.Draw(t, "protocol"), Port: rapid.Uint16Range(firstStep, lastStep).Draw(t, "port")}
}

func drawService(t *rapid.T) lang.Service {
	first := rapid.Uint16Range(firstService, lastService).Draw(t, "first")
	last := rapid.Uint16Range(first, lastService).Draw(t, "last")
	return lang.Service{Proto: protos.Draw(t, "protocol"), First: first, Last: last}
}

// canonical is the text of a policy's knocks.
func canonical(p *lang.Policy) string {
	text := ""
	for _, k := range p.Knocks {
		text += k.String() + "\n"
	}
	return text
}

// traceOf draws what some sources of their own do to a policy. Sources are
// numbered so that traces which run on one host do not share any.
type traceOf struct {
	policy *lang.Policy
	number int // of the trace
	now    time.Duration
	port   uint16 // the last source port used
	events []trace.Event
}

func drawTrace(t *rapid.T, p *lang.Policy, number int) []trace.Event {
	tr := &traceOf{policy: p, number: number, port: 5000}
	for range rapid.IntRange(2, 6).Draw(t, "acts") {
		src := tr.source(rapid.IntRange(0, 2).Draw(t, "source"))
		switch rapid.IntRange(0, 4).Draw(t, "act") {
		case 0:
			tr.noise(t, src)
		case 1:
			tr.knock(t, src, rapid.IntRange(1, 100).Draw(t, "deadline"))
		default:
			tr.knock(t, src, 0)
		}
	}
	return tr.events
}

func (tr *traceOf) source(i int) netip.Addr {
	hi, lo := byte(tr.number>>8), byte(tr.number)
	if i == 2 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: hi, 15: lo})
	}
	return netip.AddrFrom4([4]byte{10, hi, lo, byte(i + 1)})
}

// send adds a packet after a gap.
func (tr *traceOf) send(gap time.Duration, p trace.Packet) {
	tr.now += gap
	tr.events = append(tr.events, trace.Event{At: tr.now, Packet: &p})
}

func attempt(src netip.Addr, proto lang.Proto, port uint16) trace.Packet {
	p := trace.Packet{Src: src, Proto: proto, DstPort: port}
	if proto == lang.TCP {
		p.Flags = lang.SYN
	}
	return p
}

// knock goes through a knock's sequence, with noise between, and then asks for a
// service; late is the percentage of steps that come around their deadline.
func (tr *traceOf) knock(t *rapid.T, src netip.Addr, late int) {
	k := rapid.SampledFrom(tr.policy.Knocks).Draw(t, "knock")
	for _, s := range k.Steps {
		gap := time.Duration(rapid.IntRange(0, 15).Draw(t, "gap")) * time.Millisecond
		if rapid.IntRange(0, 99).Draw(t, "late") < late {
			gap = k.Within + time.Duration(rapid.IntRange(-1, 1).Draw(t, "around"))*time.Millisecond
		}
		if rapid.IntRange(0, 5).Draw(t, "disturb") == 0 {
			tr.noise(t, src)
		}
		tr.send(gap, attempt(src, s.Proto, s.Port))
	}
	tr.visit(t, src, k)
}

// visit asks for a service of a knock, goes on in the flow, and comes back at
// about the end of the grant.
func (tr *traceOf) visit(t *rapid.T, src netip.Addr, k *lang.Knock) {
	s := rapid.SampledFrom(k.Services).Draw(t, "service")
	p := attempt(src, s.Proto, rapid.Uint16Range(s.First, s.Last).Draw(t, "port"))
	if rapid.Bool().Draw(t, "flow") {
		tr.port++
		p.SrcPort = tr.port
	}
	tr.send(time.Millisecond, p)
	if rapid.Bool().Draw(t, "later") {
		tr.send(k.Grant-time.Duration(rapid.IntRange(0, 2).Draw(t, "early"))*time.Millisecond, p)
	}
	if rapid.Bool().Draw(t, "goes on") && s.Proto == lang.TCP {
		for _, flags := range rapid.SliceOfN(rapid.SampledFrom(flowFlags), 1, 5).Draw(t, "flags") {
			p.Flags = flags
			tr.send(time.Millisecond, p)
			if flags&lang.RST != 0 {
				break // what passes behind it depends on sequence numbers, which traces do not have
			}
		}
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
)

// noise sends a packet to any port, with any flags.
func (tr *traceOf) noise(t *rapid.T, src netip.Addr) {
	port := rapid.SampledFrom([]uint16{elsewhere, firstService, lastService, firstStep, firstStep + 1, lastStep}).Draw(t, "port")
	p := attempt(src, protos.Draw(t, "protocol"), port)
	if p.Proto == lang.TCP {
		p.Flags = rapid.SampledFrom(strayFlags).Draw(t, "flags")
	}
	tr.send(time.Duration(rapid.IntRange(0, 20).Draw(t, "gap"))*time.Millisecond, p)
}

// drawPair draws a policy and a number of traces, merged by time.
func drawPair(t *rapid.T, traces int) *pair {
	text := policies.Draw(t, "policy")
	policy, _ := lang.Parse([]byte(text))
	if got := canonical(policy); got != text {
		t.Fatalf("%s\nis read as\n%s", text, got)
	}
	var events []trace.Event
	for number := range traces {
		events = append(events, drawTrace(t, policy, number)...)
	}
	slices.SortStableFunc(events, func(a, b trace.Event) int { return int(a.At - b.At) })
	p, err := newPair(text, text, events)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMain sets how many random pairs TestRandom tries; the flag wins.
func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "2000")
	flag.Set("rapid.nofailfile", "true")
	os.Exit(m.Run())
}

// TestRandom holds the simulator against the model, to the millisecond and at
// every deadline's very instant.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPair(t, 1)
		model := p.onModel(p.events)
		simulated, _, err := p.onSim(p.events)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.events {
			if model[i] != simulated[i] {
				t.Fatalf("%s%s\nmodel %s, simulator %s", p.name, show(p.events[:i+1]), model[i], simulated[i])
			}
		}
	})
}

// TestRandomOnKernel holds the kernel against both, in real time. The pairs are
// the same in every run; when their packets arrive is not.
func TestRandomOnKernel(t *testing.T) {
	const hosts, traces = 250, 2
	var pairs []*pair
	for seed := range hosts {
		draw := rapid.Custom(func(t *rapid.T) *pair { return drawPair(t, traces) })
		pairs = append(pairs, draw.Example(seed))
	}
	total := tally{traces: hosts * traces}
	opened := 0
	for _, o := range onKernel(t, pairs) {
		total.judge(t, o)
		opened += tracesThatOpen(t, o)
	}
	t.Logf("%v; %d%% of the traces opened a door", &total, 100*opened/total.traces)
	if total.traces < 250 || 100*opened < 30*total.traces {
		t.Errorf("%d of %d traces opened a door, want at least 250 traces and 30%%", opened, total.traces)
	}
}

// tracesThatOpen counts the traces in which a door opened.
func tracesThatOpen(t *testing.T, o *observation) int {
	_, opened, err := o.pair.onSim(o.events)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]bool{}
	for i, e := range o.events {
		if opened[i] {
			a := e.Packet.Src.As16()
			if e.Packet.Src.Is4() {
				numbers[fmt.Sprint(a[13:15])] = true
			} else {
				numbers[fmt.Sprint(a[14:16])] = true
			}
		}
	}
	return len(numbers)
}
