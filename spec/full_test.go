package spec

import (
	"iter"
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"knockc/compiler"
	"knockc/internal/netns"
	"knockc/lang"
	"knockc/sim"
)

// flood is more sources than a set has room for.
const flood = 66000

// floodWithin is the `within` of the policies below.
const floodWithin = 3 * time.Second

// floodPolicies have the example's sequence, alone and with the clauses that keep
// more than the steps.
var floodPolicies = map[string]string{
	"plain":   "knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m >",
	"total":   "knock ssh < 1001 1002 1003 -> 2022 within 3s total 4s grant 1m >",
	"reset":   "knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m reset any revoke >",
	"forever": "knock ssh < 1001 1002 1003 -> 2022 within 3s grant forever reset known revoke close 1009 1010 >",
	"long":    "knock ssh < 1001 1002 1003 -> 2022 within 3s total 1h grant 1m >",
	"shared":  "knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m > knock web < 1004 1005 1003 -> 2022-2023 once >",
	"reject":  "refuse reject default drop knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m >",
}

// machine is the kernel or the simulator: it decides about SYNs, and waits.
type machine interface {
	syn(src netip.Addr, port uint16) (accepted bool)
	flood(packets iter.Seq[netip.Addr], port uint16)
	now() time.Duration
	wait(time.Duration)
}

// TestFullSets fills the sets of first steps in the simulator.
func TestFullSets(t *testing.T) {
	for name, policy := range floodPolicies {
		t.Run(name, func(t *testing.T) {
			p, err := newPair(name, policy, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := sim.New(p.result.Ruleset)
			if err != nil {
				t.Fatal(err)
			}
			wait := fillSets(t, &simulated{m: m}, p.policy.Knocks[0].Close)
			t.Logf("a newcomer got in %v after the flood began", wait)
			const collection, guard = time.Second, time.Second
			if most := floodWithin + guard + 2*collection; wait > most {
				t.Errorf("a newcomer waits %v, want %v at most", wait, most)
			}
		})
	}
}

// TestFullSetsOnKernel fills the sets of the kernel. How long a newcomer waits is
// up to the kernel's collections, and is only told.
func TestFullSetsOnKernel(t *testing.T) {
	for name, policy := range floodPolicies {
		t.Run(name, func(t *testing.T) {
			p, err := newPair(name, policy, nil)
			if err != nil {
				t.Fatal(err)
			}
			h := netns.New(t, "eth0")
			if err := h.Load(script(t, p.result)); err != nil {
				t.Fatal(err)
			}
			if err := h.Listen(netns.TCP, 2022); err != nil {
				t.Fatal(err)
			}
			t.Logf("a newcomer got in %v after the flood began", fillSets(t, &kernel{t: t, h: h, begin: time.Now()}, p.policy.Knocks[0].Close))
		})
	}
}

// fillSets floods the first step, looks who still gets in, and returns when after the
// beginning of the flood a newcomer does. If there is a sequence to close with, it
// works all the while.
func fillSets(t *testing.T, m machine, closing []lang.Step) time.Duration {
	granted, further, newcomer := someone(1), someone(2), someone(3)
	want := func(what string, src netip.Addr, port uint16, accepted bool) {
		t.Helper()
		if m.syn(src, port) != accepted {
			t.Errorf("%s: accepted is %v", what, !accepted)
		}
	}
	knock := func(src netip.Addr, steps ...uint16) {
		t.Helper()
		for _, port := range steps {
			m.syn(src, port)
		}
	}
	knock(granted, 1001, 1002, 1003)
	want("a grant", granted, 2022, true)
	knock(further, 1001, 1002)

	begin := m.now()
	m.flood(sources(flood), 1001)
	knock(newcomer, 1001, 1002, 1003)
	full := m.now() < begin+floodWithin // else the first elements of the flood have ended
	if full {
		want("a newcomer while the set is full", newcomer, 2022, false)
	}
	knock(further, 1003)
	want("one who was further on", further, 2022, true)
	want("a grant that lives", granted, 2022, true)
	for _, s := range closing {
		knock(further, s.Port)
	}
	want("one whose door may be shut", further, 2022, len(closing) == 0)

	for src := uint32(100); ; src++ {
		knock(someone(src), 1001, 1002, 1003)
		if m.syn(someone(src), 2022) {
			break
		}
		if m.now() > begin+20*time.Second {
			t.Fatal("nobody gets in any more")
		}
		m.wait(20 * time.Millisecond)
	}
	want("a grant that still lives", granted, 2022, true)
	wait := m.now() - begin
	if full && wait < floodWithin-10*time.Millisecond { // a tick at HZ=100
		t.Errorf("a newcomer got in after %v, before anything of the flood had ended", wait)
	}
	return wait
}

// someone is one of those who are looked at, sources are those of the flood.
func someone(n uint32) netip.Addr { return numbered(192, n) }

func sources(n int) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for i := range n {
			if !yield(numbered(100, uint32(i))) {
				return
			}
		}
	}
}

// simulated is the simulator; a packet takes it 5 microseconds, as it does the
// kernel.
type simulated struct {
	m    *sim.Machine
	time time.Duration
	port uint16
}

func (s *simulated) now() time.Duration     { return s.time }
func (s *simulated) wait(d time.Duration)   { s.time += d }
func (s *simulated) sourcePort() (p uint16) { s.port++; return s.port }

func (s *simulated) syn(src netip.Addr, port uint16) bool {
	s.time += 5 * time.Microsecond
	p := sim.Packet{Time: s.time, Iface: "eth0", Src: src, SrcPort: s.sourcePort(), DstPort: port, Flags: lang.SYN}
	verdict, _ := s.m.Packet(&p)
	return verdict == compiler.Accept
}

func (s *simulated) flood(packets iter.Seq[netip.Addr], port uint16) {
	for src := range packets {
		s.syn(src, port)
	}
}

// kernel is the kernel.
type kernel struct {
	t     *testing.T
	h     *netns.Host
	begin time.Time
}

func (k *kernel) now() time.Duration   { return time.Since(k.begin) }
func (k *kernel) wait(d time.Duration) { time.Sleep(d) }

func (k *kernel) syn(src netip.Addr, port uint16) bool {
	k.t.Helper()
	r, err := k.h.Send(netns.Packet{Src: src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
	if err != nil {
		k.t.Fatal(err)
	}
	return r.Accepted
}

func (k *kernel) flood(packets iter.Seq[netip.Addr], port uint16) {
	k.t.Helper()
	_, err := k.h.Flood(func(yield func(netns.Packet) bool) {
		for src := range packets {
			if !yield(netns.Packet{Src: src, SrcPort: 1024, Proto: netns.TCP, DstPort: port, Flags: netns.SYN}) {
				return
			}
		}
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// counterOf is how many packets a named counter has counted.
func counterOf(t *testing.T, h *netns.Host, table, name string) int {
	t.Helper()
	out, err := h.Nft("list", "counter", "inet", table, name)
	if err != nil {
		t.Fatal(err)
	}
	return countIn(t, out)
}

// countIn is the number of packets in a listing of a counter.
func countIn(t *testing.T, out string) int {
	t.Helper()
	m := counted.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no count in %q", out)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

var counted = regexp.MustCompile(`packets (\d+)`)
