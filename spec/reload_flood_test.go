package spec

import (
	"fmt"
	"sync/atomic"
	"testing"

	"example.org/knockc/internal/netns"
)

// TestReloadUnderFloodOnKernel loads policies over each other while packets arrive: not
// one to a port that all of them guard gets through meanwhile. (It did when a lookup
// could meet a map that was just being replaced.) If the rules move from the hook input to
// an earlier one, the packet that is between the two hooks meets neither the new rules nor
// the old ones.
func TestReloadUnderFloodOnKernel(t *testing.T) {
	const reloads = 100
	for name, flood := range map[string]struct {
		ports    []uint16
		policies [2]string
		most     int // that may get through
	}{
		"a range is cut": {[]uint16{22, 8003, 22, 8005}, [2]string{
			"knock ssh < 1001 1003 -> 22 8000-8010 reset any >",
			"knock ssh < 1001 1003 -> 22 8000-8010 reset any within 4s > knock web < 1003 1002 -> 80 8005 > trust 203.0.113.0/24 198.51.100.1",
		}, 0},
		"steps, with default drop": {[]uint16{22, 8003, 1001, 1003}, [2]string{
			"default drop knock ssh < 1001 1003 -> 22 8000-8010 >",
			"default drop refuse reject knock ssh < 1001 1002 1003 -> 22 8000-8010 >",
		}, 0},
		"another hook": {[]uint16{22, 8003}, [2]string{"knock ssh < 1001 1003 -> 22 8000-8010 >", "hook input knock ssh < 1001 1003 -> 22 8000-8010 >"}, reloads / 2},
		"elsewhere too": {[]uint16{22, 8003}, [2]string{
			"knock ssh < 1001 1003 -> 22 8000-8010 >",
			"knock ssh < 1001 1003 -> 22 8000-8010 > knock nas < 1003 1002 -> 22 8003 at 192.0.2.0/24 2001:db8::/32 >",
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if through := reloadUnderFlood(t, reloads, flood.ports, flood.policies); through > flood.most {
				t.Errorf("%d packets got through", through)
			}
		})
	}
}

// TestRangesUnderFloodOnKernel has ports that move between single ones and ranges, whose
// maps change one after the other. A packet that was on its way all the while may still
// get through, one for each reload; there were thousands.
func TestRangesUnderFloodOnKernel(t *testing.T) {
	const reloads = 60
	for name, service := range map[string]func(i int) string{
		"few ranges":  func(i int) string { return fmt.Sprint(30000 + i) },
		"many ranges": func(i int) string { return fmt.Sprintf("%d-%d", 30000+10*i, 30003+10*i) },
	} {
		t.Run(name, func(t *testing.T) {
			others := ""
			for i := range 100 {
				others += fmt.Sprintf("knock k%d < %d %d -> %s >\n", i, 10000+i, 20000+i, service(i))
			}
			through := reloadUnderFlood(t, reloads, []uint16{8003, 9002}, [2]string{
				"knock a < 1001 1003 -> 8003 > knock b < 1001 1004 -> 9000-9003 >\n" + others,
				"knock a < 1001 1003 -> 8000-8010 > knock b < 1001 1004 -> 9002 >\n" + others,
			})
			if through > reloads {
				t.Errorf("%d packets got through", through)
			}
		})
	}
}

// reloadUnderFlood loads two policies over each other in turn, and returns how many SYNs
// to the ports get through meanwhile.
func reloadUnderFlood(t *testing.T, reloads int, ports []uint16, policies [2]string) int {
	t.Helper()
	r := newReloader(t)
	if err := r.Load(countAccepted); err != nil {
		t.Fatal(err)
	}
	r.load(policies[0])
	done := 0
	n := r.flooded(ports, func() bool {
		done++
		r.load(policies[done%2])
		return done < reloads
	})
	through := counterOf(t, r.Host, "through", "accepted")
	t.Logf("%d reloads under %d packets, %d got through", reloads, n, through)
	return through
}

// flooded sends SYNs to some ports as long as f reports true, and returns how many.
func (r reloader) flooded(ports []uint16, f func() bool) int {
	r.Helper()
	var stop atomic.Bool
	flooded := make(chan int)
	go func() {
		n, err := r.Flood(func(yield func(netns.Packet) bool) {
			for i := uint32(0); !stop.Load(); i++ {
				p := netns.Packet{Src: numbered(100, i%60000), SrcPort: 1024, Proto: netns.TCP, DstPort: ports[i%uint32(len(ports))], Flags: netns.SYN}
				if !yield(p) {
					return
				}
			}
		})
		if err != nil {
			r.Error(err)
		}
		flooded <- n
	}()
	for f() {
	}
	stop.Store(true)
	return <-flooded
}
