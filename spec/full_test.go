package spec

import (
	"iter"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// floodWithin is the `within` of the policies below.
const floodWithin = 3 * time.Second

// floodPolicies have the example's sequence, alone and with the clauses that keep
// more than the steps. One has sets of the usual size; the others have smaller ones, so
// that the kernel is done with the flood long before its first steps end.
var floodPolicies = map[string]string{
	"plain":   "knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m >",
	"small":   "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m >",
	"total":   "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s total 4s grant 1m >",
	"reset":   "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m reset any revoke >",
	"forever": "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s grant forever reset known revoke close 1009 1010 >",
	"long":    "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s total 1h grant 1m >",
	"shared":  "size 1000 knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m > knock web < 1004 1005 1003 -> 2022-2023 once >",
	"reject":  "size 1000 refuse reject default drop knock ssh < 1001 1002 1003 -> 2022 within 3s grant 1m >",
}

// machine is the kernel or the simulator: it decides about SYNs, and waits.
type machine interface {
	syn(src netip.Addr, port uint16) sighting
	flood(packets iter.Seq[netip.Addr], port uint16)
	now() time.Duration // by the clock of the rules
	wait(time.Duration)
}

// sighting is what became of a SYN, which the rules saw between two times.
type sighting struct {
	accepted bool
	from, to time.Duration
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
			wait, full := fillSets(t, &simulated{m: m}, p.policy)
			t.Logf("a newcomer got in %v after the flood began", wait)
			const collection, guard = time.Second, time.Second
			if most := floodWithin + guard + 2*collection; wait > most || !full {
				t.Errorf("a newcomer waits %v, want %v at most; the set was full: %v", wait, most, full)
			}
		})
	}
}

// TestFullSetsOnKernel fills the sets of the kernel. How long a newcomer waits is
// up to the kernel's collections, and is only told.
func TestFullSetsOnKernel(t *testing.T) {
	for name, policy := range floodPolicies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
			wait, full := fillSets(t, &kernel{t: t, h: h, begin: netns.Jiffy()}, p.policy)
			t.Logf("a newcomer got in %v after the flood began; the set was full: %v", wait, full)
		})
	}
}

// fillSets floods the first step, looks who still gets in, and returns when after the
// beginning of the flood a newcomer does, and whether the set was full for sure until the
// flood had ended. If there is a sequence to close with, it works all the while. What is
// wanted is only held against a machine while it is sure by the times that the rules saw.
func fillSets(t *testing.T, m machine, policy *lang.Policy) (wait time.Duration, full bool) {
	granted, further, newcomer := someone(1), someone(2), someone(3)
	closing := policy.Knocks[0].Close
	want := func(what string, until time.Duration, src netip.Addr, accepted bool) {
		t.Helper()
		if s := m.syn(src, 2022); s.to < until && s.accepted != accepted {
			t.Errorf("%s: accepted is %v", what, s.accepted)
		}
	}
	// knock returns when the last step was, and until when what follows is sure.
	knock := func(src netip.Addr, lasts time.Duration, steps ...uint16) (until time.Duration) {
		until = time.Duration(math.MaxInt64)
		for _, port := range steps {
			s := m.syn(src, port)
			if s.to >= until {
				return 0 // that step may have been too late
			}
			until = s.from + floodWithin
		}
		return until - floodWithin + lasts
	}
	const grant = time.Minute
	grantLives := knock(granted, grant, 1001, 1002, 1003)
	want("a grant", grantLives, granted, true)
	furtherLives := knock(further, floodWithin, 1001, 1002)

	begin := m.now()
	m.flood(sources(policy.Settings.Size+500), 1001)
	full = m.now() < begin+floodWithin // else the first elements of the flood have ended
	if first := m.syn(newcomer, 1001); full && first.to < begin+floodWithin {
		knock(newcomer, 0, 1002, 1003)
		want("a newcomer while the set is full", math.MaxInt64, newcomer, false)
	}
	if last := m.syn(further, 1003); last.to < furtherLives {
		want("one who was further on", last.from+grant, further, true)
		shut := last.from + grant
		if len(closing) > 0 {
			shut = knock(further, grant, closing[0].Port, closing[1].Port)
		}
		want("one whose door may be shut", shut, further, len(closing) == 0)
	}
	want("a grant that lives", grantLives, granted, true)

	for src := uint32(100); ; src++ {
		first := m.syn(someone(src), 1001)
		knock(someone(src), 0, 1002, 1003)
		if m.syn(someone(src), 2022).accepted {
			wait = first.to - begin
			break
		}
		if m.now() > begin+5*time.Minute {
			t.Fatal("nobody gets in any more")
		}
		m.wait(20 * time.Millisecond)
	}
	want("a grant that still lives", grantLives, granted, true)
	if full && wait < floodWithin-10*time.Millisecond { // a tick at HZ=100
		t.Errorf("a newcomer got in after %v, before anything of the flood had ended", wait)
	}
	return wait, full
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

func (s *simulated) syn(src netip.Addr, port uint16) sighting {
	s.time += 5 * time.Microsecond
	p := sim.Packet{Time: s.time, Iface: "eth0", Src: src, SrcPort: s.sourcePort(), DstPort: port, Flags: lang.SYN}
	verdict, _ := s.m.Packet(&p)
	return sighting{verdict == compiler.Accept, s.time, s.time}
}

func (s *simulated) flood(packets iter.Seq[netip.Addr], port uint16) {
	for src := range packets {
		s.syn(src, port)
	}
}

// kernel is the kernel. Its rules see the time in jiffies.
type kernel struct {
	t     *testing.T
	h     *netns.Host
	begin int64
}

func (k *kernel) now() time.Duration   { return k.time(netns.Jiffy()) }
func (k *kernel) wait(d time.Duration) { time.Sleep(d) }

// time is how long after the beginning a jiffy is.
func (k *kernel) time(jiffy int64) time.Duration {
	return time.Duration(jiffy-k.begin) * time.Second / time.Duration(netns.HZ())
}

func (k *kernel) syn(src netip.Addr, port uint16) sighting {
	k.t.Helper()
	r, err := k.h.Send(netns.Packet{Src: src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
	if err != nil {
		k.t.Fatal(err)
	}
	return sighting{r.Accepted, k.time(r.Before), k.time(r.After)}
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
