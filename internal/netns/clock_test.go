//go:build linux

package netns

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// waitJiffy returns when the jiffy count is at least j.
func waitJiffy(j int64) {
	tick := time.Second / time.Duration(HZ())
	if far := j - Jiffy() - 2; far > 0 {
		time.Sleep(time.Duration(far) * tick)
	}
	for Jiffy() < j {
	}
}

// TestJiffyAgreesWithTimes compares with times(2), which returns the kernel's
// jiffies in units of 1/100 s: floor((Jiffy() + offset) * 100 / HZ), for an offset
// that is the same in all samples.
func TestJiffyAgreesWithTimes(t *testing.T) {
	type sample struct{ jiffy, clock int64 }
	var samples []sample
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if rand.IntN(20) == 0 { // an idle CPU may have no tick, and catches up later
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		}
		before := Jiffy()
		clock, err := unix.Times(new(unix.Tms))
		if err != nil {
			t.Fatal(err)
		}
		if Jiffy() == before {
			samples = append(samples, sample{before, int64(clock)})
		}
	}
	agree := func(offset int64) bool {
		distance := func(s sample) int64 { return (s.jiffy+offset)*100/HZ() - s.clock }
		for _, s := range samples {
			if distance(s) != distance(samples[0]) {
				return false
			}
		}
		return true
	}
	for offset := range HZ() {
		if agree(offset) {
			t.Logf("%d samples agree", len(samples))
			return
		}
	}
	t.Errorf("%d samples do not agree", len(samples))
}

// TestTimeout shows that rules and Jiffy read the same clock: an element with a
// timeout of n ticks that was updated in jiffy j is there in j+n-1 and gone in
// j+n (nft_set_elem_expired).
func TestTimeout(t *testing.T) {
	const (
		hits = 5
		most = 2000 // rounds: on a busy machine, many miss the jiffy
	)
	ticks := 100 * HZ() / 1000
	for name, test := range map[string]struct {
		after int64
		want  bool
	}{
		"last":  {ticks - 1, true},
		"first": {ticks, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := New(t, "eth0")
			load(t, h, `table inet t {
				set seen { type ipv4_addr; flags dynamic,timeout; timeout 100ms; }
				chain input {
					type filter hook input priority -10; policy drop
					tcp dport 1 update @seen { ip saddr } drop
					tcp dport 2 ip saddr @seen accept
				}
			}`)
			exact, rounds := 0, 0
			for ; exact < hits && rounds < most; rounds++ {
				accepted, ok := knock(t, h, test.after)
				if !ok {
					continue
				}
				exact++
				if accepted != test.want {
					t.Errorf("%d jiffies later: accepted = %v, want %v", test.after, accepted, test.want)
				}
			}
			t.Logf("%d of %d rounds hit the jiffy", exact, rounds)
			if exact < hits {
				t.Errorf("%d rounds hit the jiffy, want %d", exact, hits)
			}
		})
	}
}

// knock makes an element and looks it up the given number of jiffies later. It
// reports false if that jiffy was missed.
func knock(t *testing.T, h *Host, later int64) (accepted, ok bool) {
	src := netip.MustParseAddr("192.0.2.1")
	first := send(t, h, Packet{Src: src, Proto: TCP, DstPort: 1, Flags: SYN})
	due := first.After + later
	waitJiffy(due)
	second := send(t, h, Packet{Src: src, Proto: TCP, DstPort: 2, Flags: SYN})
	exact := first.Before == first.After && second.Before == due && second.After == due
	return second.Accepted, exact
}
