package sim_test

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// ruleset is a base chain with the given rules and a set of the given size.
func ruleset(size int, rules ...[]compiler.Instruction) *compiler.Ruleset {
	base := &compiler.Chain{Name: "base", Hook: &compiler.Hook{}}
	for _, r := range rules {
		base.Rules = append(base.Rules, compiler.Rule{Instructions: r})
	}
	return &compiler.Ruleset{
		Sets:   []*compiler.Set{{Name: "s", Family: compiler.IPv4, Size: size}},
		Chains: []*compiler.Chain{base},
	}
}

func newMachine(t *testing.T, r *compiler.Ruleset) *sim.Machine {
	t.Helper()
	m, err := sim.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func source(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

// TestFullSet follows a small set through its life as the kernel measured it: a
// full set breaks the rule and nothing else, what lives can be renewed, and what
// has ended holds its place until the next collection.
func TestFullSet(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 32, State: 7}, Set: "s", Timeout: 300 * time.Millisecond}
	m := newMachine(t, ruleset(2, []compiler.Instruction{update, compiler.Verdict{Kind: compiler.Drop}}))
	for _, step := range []struct {
		at   time.Duration
		src  int
		kept bool // the update went through, so that the rule came to its drop
		why  string
	}{
		{0, 1, true, "there is room"},
		{0, 2, true, "there is room"},
		{0, 3, false, "the set is full"},
		{100 * time.Millisecond, 1, true, "what lives can be renewed"},
		{350 * time.Millisecond, 3, false, "source 2 has ended but holds its place"},
		{350 * time.Millisecond, 2, false, "even against itself"},
		{999 * time.Millisecond, 3, false, "no collection yet"},
		{1000 * time.Millisecond, 3, true, "collected"},
		{1000 * time.Millisecond, 2, true, "collected"},
		{1000 * time.Millisecond, 1, false, "full again"},
		{1300 * time.Millisecond, 1, false, "ended, not collected"},
		{2000 * time.Millisecond, 1, true, "collected again"},
	} {
		verdict, changes := m.Packet(&sim.Packet{Time: step.at, Src: source(step.src)})
		if kept := verdict == compiler.Drop; kept != step.kept || kept != (len(changes) == 1) {
			t.Errorf("source %d at %v: kept %v, changes %v; %s", step.src, step.at, kept, changes, step.why)
		}
	}
}

// TestGhosts: an element that ends and is made again before the collection takes
// a second place.
func TestGhosts(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: "s", Timeout: 100 * time.Millisecond}
	m := newMachine(t, ruleset(3, []compiler.Instruction{update}))
	for i, want := range []int{1, 1, 1, 0, 0, 1, 1, 1, 0} {
		at := time.Duration(i) * 200 * time.Millisecond
		if _, changes := m.Packet(&sim.Packet{Time: at, Src: source(1)}); len(changes) != want {
			t.Errorf("at %v: %d changes, want %d", at, len(changes), want)
		}
	}
}

// TestBreaks: instructions whose condition does not hold skip the rest of their
// rule; the rules after it run.
func TestBreaks(t *testing.T) {
	syn := sim.Packet{Src: source(1), Proto: lang.TCP, DstPort: 22, Flags: lang.SYN, Iface: "eth0"}
	udp := sim.Packet{Src: source(1), Proto: lang.UDP, DstPort: 22}
	v6 := sim.Packet{Src: netip.MustParseAddr("2001:db8::1"), Proto: lang.TCP, DstPort: 22, Flags: lang.SYN}
	ping := sim.Packet{Src: source(1), Proto: lang.Ping, Length: 100}
	with := func(p sim.Packet, change func(*sim.Packet)) sim.Packet { change(&p); return p }
	broadcast := with(syn, func(p *sim.Packet) { p.Broadcast = true })
	onward := with(syn, func(p *sim.Packet) { p.To = netip.MustParseAddr("192.168.0.5") })
	flags := compiler.TCPFlags{Flags: lang.SYN, Mask: lang.SYN | lang.ACK}
	dispatch := compiler.Dispatch{Entries: []compiler.DispatchEntry{
		{Proto: 6, First: 20, Last: 22, Verdict: compiler.Verdict{Kind: compiler.Drop}},
		{Proto: 17, First: 23, Last: 23, Verdict: compiler.Verdict{Kind: compiler.Drop}},
	}}
	for _, test := range []struct {
		instruction compiler.Instruction
		packet      sim.Packet
		runs        bool
	}{
		{flags, syn, true},
		{flags, with(syn, func(p *sim.Packet) { p.Flags |= lang.ACK }), false},
		{flags, with(syn, func(p *sim.Packet) { p.Flags |= lang.PSH }), true},
		{flags, udp, false},
		{compiler.Iface{Name: "eth0"}, syn, true},
		{compiler.Iface{Name: "lo"}, syn, false},
		{compiler.CtState{States: compiler.StateNew}, syn, true},
		{compiler.CtState{States: compiler.StateEstablished | compiler.StateRelated}, syn, false},
		{compiler.CtState{States: compiler.StateInvalid}, with(syn, func(p *sim.Packet) { p.Flags = 0 }), true},
		{compiler.Lookup{Set: "s"}, syn, false},
		{compiler.Update{Set: "s", Timeout: time.Second}, syn, true},
		{compiler.Update{Set: "s", Timeout: time.Second}, v6, false},
		{dispatch, syn, true},
		{dispatch, udp, false},
		{dispatch, with(syn, func(p *sim.Packet) { p.DstPort = 23 }), false},
		{dispatch, with(syn, func(p *sim.Packet) { p.DstPort = 19 }), false},
		{compiler.Lookup{Set: "s", Not: true}, syn, true},
		{compiler.Lookup{Set: "s", Not: true}, v6, false},
		{compiler.Delete{Set: "s"}, syn, true},
		{compiler.Delete{Set: "s"}, v6, false},
		{compiler.Iface{Name: "eth", Wildcard: true}, syn, true},
		{compiler.Iface{Name: "eth"}, syn, false},
		{compiler.L4Proto{Number: compiler.ProtoTCP}, syn, true},
		{compiler.L4Proto{Number: compiler.ProtoUDP}, syn, false},
		{compiler.L4Proto{Number: 58}, with(ping, func(p *sim.Packet) { p.Src = v6.Src }), true},
		{compiler.Ports{First: 20, Last: 22}, syn, true},
		{compiler.Ports{First: 20, Last: 22, Not: true}, syn, false},
		{compiler.Ports{First: 23, Last: 23, Not: true}, udp, true},
		{compiler.Translated{}, syn, false},
		{compiler.AddrType{Kind: compiler.AddrLocal}, syn, true},
		{compiler.AddrType{Kind: compiler.AddrLocal}, broadcast, false},
		{compiler.AddrType{Kind: compiler.AddrLocal}, onward, false},
		{compiler.AddrType{Kind: compiler.AddrLocal, Not: true}, onward, true},
		{compiler.AddrType{Kind: compiler.AddrBroadcast}, broadcast, true},
		{compiler.AddrType{Kind: compiler.AddrMulticast}, broadcast, true},
		{compiler.AddrType{Kind: compiler.AddrBroadcast}, syn, false},
		{compiler.AddrType{Kind: compiler.AddrMulticast}, onward, false},
		{compiler.AddrType{Kind: compiler.AddrAnycast}, syn, false},
		{compiler.AddrType{Kind: compiler.AddrAnycast}, onward, false},
		{compiler.Destination{Prefixes: prefixes("10.1.0.0/16", "192.168.0.0/24")}, onward, true},
		{compiler.Destination{Prefixes: prefixes("10.1.0.0/16")}, onward, false},
		{compiler.Destination{Prefixes: prefixes("0.0.0.0/0")}, syn, false},
		{compiler.Destination{Family: compiler.IPv6, Prefixes: prefixes("::/0")}, onward, false},
		{compiler.Source{Prefixes: prefixes("10.1.0.0/16", "10.0.0.0/24")}, syn, true},
		{compiler.Source{Prefixes: prefixes("10.1.0.0/16")}, syn, false},
		{compiler.ICMP{Types: []uint8{3, 8}}, ping, true},
		{compiler.ICMP{Types: []uint8{3}}, ping, false},
		{compiler.ICMP{Family: compiler.IPv6, Types: []uint8{128}}, ping, false},
		{compiler.Length{Bytes: 128}, ping, true},
		{compiler.Length{Bytes: 128, Not: true}, ping, false},
		{compiler.Length{Family: compiler.IPv6, Bytes: 128, Not: true}, ping, false},
		{compiler.Lengths{Entries: []compiler.LengthEntry{{Bytes: 128, Verdict: compiler.Verdict{Kind: compiler.Drop}}}}, ping, true},
		{compiler.Count{Counter: "c"}, syn, true},
		{compiler.Log{Prefix: "x"}, syn, true},
	} {
		m := newMachine(t, ruleset(2, []compiler.Instruction{test.instruction, compiler.Verdict{Kind: compiler.Drop}}))
		if verdict, _ := m.Packet(&test.packet); (verdict == compiler.Drop) != test.runs {
			t.Errorf("%T%+v on %+v: %v", test.instruction, test.instruction, test.packet, compiler.Verdict{Kind: verdict})
		}
	}
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// TestDeleted: a deleted element is gone at once, and holds its place until the next
// collection.
func TestDeleted(t *testing.T) {
	key := compiler.Key{Bits: 32}
	udp := compiler.L4Proto{Number: compiler.ProtoUDP}
	m := newMachine(t, ruleset(2,
		[]compiler.Instruction{udp, compiler.Delete{Key: key, Set: "s"}, compiler.Verdict{Kind: compiler.Accept}},
		[]compiler.Instruction{compiler.Lookup{Key: key, Set: "s"}, compiler.Verdict{Kind: compiler.Accept}},
		[]compiler.Instruction{compiler.Update{Key: key, Set: "s", Timeout: time.Minute}, compiler.Verdict{Kind: compiler.Accept}},
		[]compiler.Instruction{compiler.Verdict{Kind: compiler.Drop}}))
	for i, step := range []struct {
		at      time.Duration
		proto   lang.Proto
		verdict compiler.VerdictKind
		changes int
	}{
		{0, lang.UDP, compiler.Accept, 0},                    // nothing to delete
		{0, lang.TCP, compiler.Accept, 1},                    // made
		{0, lang.UDP, compiler.Accept, 1},                    // deleted
		{0, lang.TCP, compiler.Accept, 1},                    // made again, in the second place
		{0, lang.UDP, compiler.Accept, 1},                    // deleted again
		{900 * time.Millisecond, lang.TCP, compiler.Drop, 0}, // no place is left
		{time.Second, lang.TCP, compiler.Accept, 1},          // collected
	} {
		verdict, changes := m.Packet(&sim.Packet{Time: step.at, Src: source(1), Proto: step.proto})
		if verdict != step.verdict || len(changes) != step.changes {
			t.Errorf("packet %d: %v, changes %v", i+1, compiler.Verdict{Kind: verdict}, changes)
		}
	}
}

// TestForever: an element made forever does not end, whatever renews it, and one with a
// timeout ends when it is renewed forever.
func TestForever(t *testing.T) {
	key := compiler.Key{Bits: 32}
	forever := compiler.Update{Key: key, Set: "s", Timeout: lang.Forever}
	timed := compiler.Update{Key: key, Set: "s", Timeout: time.Second}
	for name, test := range map[string]struct {
		first, then compiler.Update
		lives       bool
	}{
		"made for ever":       {forever, forever, true},
		"then timed":          {forever, timed, true},
		"made timed, forever": {timed, forever, false},
		"made timed, timed":   {timed, timed, true},
	} {
		m := newMachine(t, ruleset(2, []compiler.Instruction{compiler.L4Proto{Number: compiler.ProtoUDP}, test.then}, []compiler.Instruction{compiler.L4Proto{Number: compiler.ProtoTCP}, test.first}))
		m.Packet(&sim.Packet{Src: source(1), Proto: lang.TCP})
		m.Packet(&sim.Packet{Time: time.Millisecond, Src: source(1), Proto: lang.UDP})
		if _, lives := m.Find("s", key, source(1), time.Millisecond); lives != test.lives {
			t.Errorf("%s: lives is %v", name, lives)
		}
	}
}

// TestChains: goto and jump lead to other chains, return and a chain's end lead back to
// the last jump. Where there is none, the base chain ends, and the packet passes.
func TestChains(t *testing.T) {
	verdict := func(k compiler.VerdictKind, chain string) compiler.Rule {
		return compiler.Rule{Instructions: []compiler.Instruction{compiler.Verdict{Kind: k, Chain: chain}}}
	}
	drop, back, end := verdict(compiler.Drop, ""), verdict(compiler.Return, ""), verdict(compiler.Goto, "empty")
	for name, test := range map[string]struct {
		base, other []compiler.Rule
		want        compiler.VerdictKind
	}{
		"jump, drop":         {[]compiler.Rule{verdict(compiler.Jump, "other")}, []compiler.Rule{drop}, compiler.Drop},
		"jump, end, drop":    {[]compiler.Rule{verdict(compiler.Jump, "other"), drop}, nil, compiler.Drop},
		"jump, return, drop": {[]compiler.Rule{verdict(compiler.Jump, "other"), drop}, []compiler.Rule{back, verdict(compiler.Accept, "")}, compiler.Drop},
		"jump, goto, drop":   {[]compiler.Rule{verdict(compiler.Jump, "other"), drop}, []compiler.Rule{end, verdict(compiler.Accept, "")}, compiler.Drop},
		"goto, end":          {[]compiler.Rule{verdict(compiler.Goto, "other"), drop}, nil, compiler.Passed},
		"goto, return":       {[]compiler.Rule{verdict(compiler.Goto, "other"), drop}, []compiler.Rule{back, drop}, compiler.Passed},
		"return":             {[]compiler.Rule{back, drop}, nil, compiler.Passed},
		"end":                {nil, nil, compiler.Passed},
		"accept":             {[]compiler.Rule{verdict(compiler.Accept, ""), drop}, nil, compiler.Accept},
	} {
		m := newMachine(t, &compiler.Ruleset{Chains: []*compiler.Chain{
			{Name: "base", Hook: &compiler.Hook{}, Rules: test.base}, {Name: "other", Rules: test.other}, {Name: "empty"},
		}})
		if got, _ := m.Packet(&sim.Packet{Src: source(1)}); got != test.want {
			t.Errorf("%s: %v", name, compiler.Verdict{Kind: got})
		}
	}
}

// TestBases: a packet to the host meets the base chains at prerouting and input, one that
// goes on those at prerouting and forward, whatever the order of the chains. The first
// that refuses it ends its way, and it is accepted if any has accepted it.
func TestBases(t *testing.T) {
	const none = compiler.Passed
	for _, test := range []struct {
		prerouting, input, forward compiler.VerdictKind
		toHost, onward             string // the chains that it meets, and its verdict
	}{
		{none, none, none, "prerouting input pass", "prerouting forward pass"},
		{compiler.Accept, none, none, "prerouting input accept", "prerouting forward accept"},
		{none, compiler.Accept, none, "prerouting input accept", "prerouting forward pass"},
		{none, none, compiler.Accept, "prerouting input pass", "prerouting forward accept"},
		{compiler.Accept, compiler.Drop, compiler.Rejected, "prerouting input drop", "prerouting forward reject"},
		{compiler.Drop, compiler.Accept, compiler.Accept, "prerouting drop", "prerouting drop"},
	} {
		r := &compiler.Ruleset{}
		hooks := [...]compiler.VerdictKind{compiler.Prerouting: test.prerouting, compiler.Input: test.input, compiler.Forward: test.forward}
		for _, hook := range []compiler.HookPoint{compiler.Forward, compiler.Input, compiler.Prerouting} {
			r.Sets = append(r.Sets, &compiler.Set{Name: hook.String(), Size: 10})
			update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: hook.String(), Timeout: time.Second}
			base := &compiler.Chain{Name: hook.String(), Hook: &compiler.Hook{Point: hook}, Rules: []compiler.Rule{{Instructions: []compiler.Instruction{update}}}}
			if kind := hooks[hook]; kind == compiler.Rejected {
				base.Rules = append(base.Rules, compiler.Rule{Instructions: []compiler.Instruction{compiler.Reject{}}})
			} else if kind != none {
				base.Rules = append(base.Rules, compiler.Rule{Instructions: []compiler.Instruction{compiler.Verdict{Kind: kind}}})
			}
			r.Chains = append(r.Chains, base)
		}
		for to, want := range map[netip.Addr]string{{}: test.toHost, netip.MustParseAddr("192.168.0.5"): test.onward} {
			verdict, changes := newMachine(t, r).Packet(&sim.Packet{Src: source(1), To: to})
			got := ""
			for _, c := range changes {
				got += c.Set + " "
			}
			if got += verdict.String(); got != want {
				t.Errorf("%+v, to %v: %s, want %s", test, to, got, want)
			}
		}
	}
}

// TestLinkErrors: a ruleset that names what it does not have is refused.
func TestLinkErrors(t *testing.T) {
	for want, r := range map[string]*compiler.Ruleset{
		`no set "x"`:                          ruleset(1, []compiler.Instruction{compiler.Lookup{Set: "x"}}),
		`no chain "x"`:                        ruleset(1, []compiler.Instruction{compiler.Verdict{Kind: compiler.Goto, Chain: "x"}}),
		`an update of set "x" has no timeout`: ruleset(1, []compiler.Instruction{compiler.Update{Set: "x"}}),
		"no base chain":                       {Chains: []*compiler.Chain{{Name: "x"}}},
		"away from a":                         ruleset(1, []compiler.Instruction{compiler.Verdict{Kind: compiler.Jump, Chain: "base"}}),
	} {
		if _, err := sim.New(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// TestMemory: a packet from a source without state leaves nothing, and none
// allocates once the tables have grown. A source at a step takes 80 bytes at most.
func TestMemory(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: "s", Timeout: time.Minute}
	m := newMachine(t, ruleset(1<<24,
		[]compiler.Instruction{compiler.L4Proto{Number: compiler.ProtoUDP}, update},
		[]compiler.Instruction{compiler.Lookup{Key: compiler.Key{Bits: 32}, Set: "s"}, compiler.Verdict{Kind: compiler.Drop}}))
	packet := sim.Packet{SrcPort: 5000, Proto: lang.TCP, Flags: lang.SYN}
	i := 0
	send := func() {
		i++
		packet.Src = netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		m.Packet(&packet)
	}
	if allocs := testing.AllocsPerRun(1000, send); allocs != 0 {
		t.Errorf("%v allocations per packet", allocs)
	}
	packet.Proto, packet.Alone = lang.UDP, true
	for _, sources := range []int{1000, 100_000, 1_000_000} {
		before := heap()
		m = newMachine(t, ruleset(1<<24, []compiler.Instruction{update}))
		for i = 0; i < sources; {
			send()
		}
		if each := float64(heap()-before) / float64(sources); sources > 1000 && each > 80 {
			t.Errorf("%d sources take %.0f bytes each", sources, each)
		}
	}
	runtime.KeepAlive(m)
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestMemoryIsGivenBack: what has ended makes room for what comes, so that memory is
// bounded by what lives at a time.
func TestMemoryIsGivenBack(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: "s", Timeout: 100 * time.Millisecond}
	m := newMachine(t, ruleset(1<<24, []compiler.Instruction{update}))
	before := heap()
	for i := range 3_000_000 { // 10,000 live at a time, and up to 110,000 until the collection
		src := netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		m.Packet(&sim.Packet{Time: time.Duration(i) * 10 * time.Microsecond, Src: src, SrcPort: 1, Proto: lang.UDP, Broadcast: true})
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("%d bytes are in use after 3,000,000 sources", grown)
	}
	runtime.KeepAlive(m)
}

// TestTicks: with a clock that ticks, a timeout counts in whole ticks, rounded down,
// at least one, and where in a tick the trace begins is a phase.
func TestTicks(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		hz             int
		phase          int64 // in billionths of a tick
		timeout, later time.Duration
		lives          bool
	}{
		{250, 0, 100 * ms, 100*ms - 1, true},
		{250, 0, 100 * ms, 100 * ms, false},
		{250, 0, 103 * ms, 100 * ms, false}, // 25 ticks
		{250, 0, 1 * ms, 4*ms - 1, true},    // a tick at least
		{250, 0, 1 * ms, 4 * ms, false},
		{250, 750_000_000, 100 * ms, 97 * ms, false}, // the tick is 1 ms away, the last one 97
		{250, 750_000_000, 100 * ms, 97*ms - 1, true},
		{100, 500_000_000, 25 * ms, 15*ms - 1, true}, // 2 ticks
		{100, 500_000_000, 25 * ms, 15 * ms, false},
		{300, 0, 10 * ms, 10*ms - 1, true}, // 3 ticks
		{300, 0, 10 * ms, 10 * ms, false},
		{300, 0, 16 * ms, 13_333_333, true}, // 4 ticks
		{300, 0, 16 * ms, 13_333_334, false},
		{300, 0, 9 * time.Hour, 9*time.Hour - 1, true},
		{300, 0, 9 * time.Hour, 9 * time.Hour, false},
		{300, 1, 9 * time.Hour, 9*time.Hour - 1, true},
		{300, 300, 9 * time.Hour, 9*time.Hour - 1, false}, // a nanosecond of the tick is over
	} {
		update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: "s", Timeout: test.timeout}
		m, err := sim.NewTicking(ruleset(2, []compiler.Instruction{update}), sim.Clock{HZ: test.hz, Phase: test.phase})
		if err != nil {
			t.Fatal(err)
		}
		m.Packet(&sim.Packet{Src: source(1)})
		if _, lives := m.Find("s", update.Key, source(1), test.later); lives != test.lives {
			t.Errorf("%+v: lives is %v", test, lives)
		}
	}
}

// TestLastTime: what would end later than a time can be never ends, and at the last
// time there is everything still works.
func TestLastTime(t *testing.T) {
	update := compiler.Update{Key: compiler.Key{Bits: 32}, Set: "s", Timeout: 2 * time.Second}
	for _, c := range []sim.Clock{{}, {HZ: 300}, {HZ: 1000, Phase: 999_999_999}} {
		for _, before := range []time.Duration{0, 1, time.Second, 3 * time.Second} {
			m, err := sim.NewTicking(ruleset(2, []compiler.Instruction{update}), c)
			if err != nil {
				t.Fatal(err)
			}
			m.Packet(&sim.Packet{Src: source(1), Time: sim.Never - before})
			_, lives := m.Find("s", update.Key, source(1), sim.Never)
			if want := before < 2*time.Second; lives != want {
				t.Errorf("%+v, %v before the last time: lives is %v", c, before, lives)
			}
		}
	}
}
