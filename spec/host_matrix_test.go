package spec

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// matrixPolicy has a knock for each protocol, whose first steps packets are sent to; one
// that gives a grant; and one that is reset.
const matrixPolicy = `
knock t < 1001 1901 -> 2001 udp/2001 >
knock u < udp/1001 1902 -> 2011 >
knock p < ping/20 1903 -> 2012 >
knock granted < 1009 -> 2002 udp/2002 grant 1h >
knock reset < 1005 1006 ping/99 -> 2013 within 1h reset any >
`

// The ports that packets of a kind are sent to. Pings have none.
const (
	atStep      = 1001
	atService   = 2001 // without a grant
	atGranted   = 2002
	atElsewhere = 3000 // which is wrong
)

// countArrivals counts what gets past the guard to these ports.
const countArrivals = `
table inet through {
	counter at1001 { packets 0 bytes 0 }
	counter at2001 { packets 0 bytes 0 }
	counter at2002 { packets 0 bytes 0 }
	counter at3000 { packets 0 bytes 0 }
	counter pings { packets 0 bytes 0 }
	chain count {
		type filter hook input priority 100; policy accept;
		meta l4proto { tcp, udp } th dport 1001 counter name "at1001"
		meta l4proto { tcp, udp } th dport 2001 counter name "at2001"
		meta l4proto { tcp, udp } th dport 2002 counter name "at2002"
		meta l4proto { tcp, udp } th dport 3000 counter name "at3000"
	}
}
`

// matrixSettings are those that the matrix is tried with.
var matrixSettings = map[string]string{
	"default accept": "", "default drop, refuse reject": "default drop\nrefuse reject\n", "hook input": "hook input\n",
}

// TestPacketsOnKernel sends packets of all kinds to steps and to services: real attempts
// alone move a knock or reset it, and alone get in, if they have a grant.
func TestPacketsOnKernel(t *testing.T) {
	for name, settings := range matrixSettings {
		for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
			t.Run(name+" "+family, func(t *testing.T) {
				t.Parallel()
				m := newMatrix(t, settings, v6)
				for i, k := range kinds(v6) {
					m.try(k, uint32(i))
				}
				t.Logf("%d kinds of packets, %d of which the simulator knows", len(kinds(v6)), m.simulated)
			})
		}
	}
}

// matrix is a host that packets are tried on.
type matrix struct {
	t         *testing.T
	h         *netns.Host
	v6        bool
	settings  string
	result    *compiler.Result
	counters  map[string]int // as they were last
	simulated int
}

func newMatrix(t *testing.T, settings string, v6 bool) *matrix {
	t.Helper()
	p, err := newPair("policy", settings+matrixPolicy, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := netns.New(t, "eth0")
	if err := h.Load(script(t, p.result) + countArrivals); err != nil {
		t.Fatal(err)
	}
	for _, port := range []uint16{atService, atGranted} {
		for _, proto := range []netns.Proto{netns.TCP, netns.UDP} {
			if err := h.Listen(proto, port); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := &matrix{t: t, h: h, v6: v6, settings: settings, result: p.result}
	m.changes()
	return m
}

// outcomes are what packets of a kind did.
type outcomes struct {
	moves, resets bool
	in            map[int]bool // what got past the guard, by port
	answered      bool         // the service without a grant agreed
}

// try sends packets of a kind, from a source of its own, and looks what they do.
func (m *matrix) try(k kind, number uint32) {
	m.t.Helper()
	src := farSource(number, m.v6)
	if k.src != "" {
		src = netip.MustParseAddr(k.src)
	}
	got := m.outcome(k, src)
	heard := k.attempt && !(k.lost && strings.Contains(m.settings, "hook input"))
	if got.moves != heard {
		m.t.Errorf("%s: moved a knock: %v", k.name, got.moves)
	}
	if want := heard || k.resets; got.resets != want {
		m.t.Errorf("%s: reset a knock: %v", k.name, got.resets)
	}
	if got.in[atService] || got.answered {
		m.t.Errorf("%s: got in without a grant", k.name)
	}
	if want := k.attempt && !k.lost && k.proto != lang.Ping; got.in[atGranted] != want {
		m.t.Errorf("%s: got in with a grant: %v", k.name, got.in[atGranted])
	}
	if k.as != nil {
		m.simulated++
		m.agree(k, src, got)
	}
}

// outcome sends a kind's packets to a step, to a service, to one with a grant, and where
// they are wrong.
func (m *matrix) outcome(k kind, src netip.Addr) (o outcomes) {
	m.t.Helper()
	m.send(k, src, 50001, atStep)
	answers := m.send(k, src, 50002, atService)
	m.syn(src, 50003, 1009)
	m.send(k, src, 50004, atGranted)
	m.syn(src, 50005, 1005)
	m.send(k, src, 50006, atElsewhere)
	m.syn(src, 50007, 1006)
	changed := m.changes()

	steps := map[lang.Proto]int{lang.TCP: changed["t_steps"], lang.UDP: changed["u_steps"], lang.Ping: changed["p_steps"]}
	o.moves = steps[k.proto] > 0
	for proto, n := range steps {
		if proto != k.proto && n > 0 {
			m.t.Errorf("%s: moved a knock with steps of %s", k.name, proto)
		}
	}
	if n := changed["reset_steps"]; changed["granted_opened"] > 0 { // else nothing is heard from there
		o.resets = n == 1
	}
	o.in = map[int]bool{}
	for _, port := range []int{atStep, atService, atGranted, atElsewhere} {
		o.in[port] = changed["at"+strconv.Itoa(port)] > 0
	}
	for _, b := range answers {
		if s, ok := readSegment(b); ok && s.src.Port() == atService && s.flags&lang.SYN != 0 {
			o.answered = true
		}
	}
	return o
}

// send sends the packets of a kind.
func (m *matrix) send(k kind, src netip.Addr, from, to uint16) (answers [][]byte) {
	m.t.Helper()
	dst := callees.Of(m.v6, to)
	if k.dst != "" {
		dst = netip.AddrPortFrom(netip.MustParseAddr(k.dst), to)
	}
	for _, packet := range k.build(path{netip.AddrPortFrom(src, from), dst}) {
		some, err := m.h.Write("eth0", packet)
		if err != nil {
			m.t.Fatalf("%s: %v", k.name, err)
		}
		answers = append(answers, some...)
	}
	return answers
}

// syn sends a real attempt.
func (m *matrix) syn(src netip.Addr, from, to uint16) {
	m.t.Helper()
	p := path{netip.AddrPortFrom(src, from), callees.Of(m.v6, to)}
	if _, err := m.h.Write("eth0", p.syn().packet()); err != nil {
		m.t.Fatal(err)
	}
}

var anyCounter = regexp.MustCompile(`counter (\w+) \{\s*packets (\d+)`)

// changes are by how much counters have grown since it was last asked.
func (m *matrix) changes() map[string]int {
	m.t.Helper()
	text, err := m.h.Nft("list", "counters")
	if err != nil {
		m.t.Fatal(err)
	}
	changed, now := map[string]int{}, map[string]int{}
	for _, c := range anyCounter.FindAllStringSubmatch(text, -1) {
		now[c[1]], _ = strconv.Atoi(c[2])
		changed[c[1]] = now[c[1]] - m.counters[c[1]]
	}
	m.counters = now
	return changed
}

// agree asks the simulator what becomes of the same packets.
func (m *matrix) agree(k kind, src netip.Addr, got outcomes) {
	m.t.Helper()
	machine, err := sim.New(m.result.Ruleset)
	if err != nil {
		m.t.Fatal(err)
	}
	send := func(p sim.Packet, from, to uint16) (in, moved bool) {
		p.Iface, p.Src, p.SrcPort, p.DstPort = "eth0", src, from, to
		verdict, changes := machine.Packet(&p)
		return verdict == compiler.Accept || verdict == compiler.Passed, len(changes) > 0
	}
	syn := sim.Packet{Proto: lang.TCP, Flags: lang.SYN}
	in := map[int]bool{}
	var moves, step bool
	in[atStep], moves = send(*k.as, 50001, atStep)
	in[atService], _ = send(*k.as, 50002, atService)
	send(syn, 50003, 1009)
	in[atGranted], _ = send(*k.as, 50004, atGranted)
	send(syn, 50005, 1005)
	in[atElsewhere], _ = send(*k.as, 50006, atElsewhere)
	_, step = send(syn, 50007, 1006)
	if moves != got.moves || step == got.resets {
		m.t.Errorf("%s: in the simulator moved a knock: %v, reset a knock: %v", k.name, moves, !step)
	}
	if k.proto == lang.Ping || k.as.To.IsValid() {
		return // no port says where a ping is sent to, and transit is not received
	}
	for port, in := range in {
		if in != got.in[port] {
			m.t.Errorf("%s to %d: in the simulator it gets past the guard: %v", k.name, port, in)
		}
	}
}
