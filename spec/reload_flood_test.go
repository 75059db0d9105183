package spec

import (
	"sync/atomic"
	"testing"

	"knockc/internal/netns"
)

// TestReloadUnderFloodOnKernel loads policies over each other while packets arrive: not
// one to a guarded port, or to a step, gets through meanwhile. (It did when a lookup
// could meet a map that was just being replaced.)
func TestReloadUnderFloodOnKernel(t *testing.T) {
	const reloads = 300
	r := newReloader(t)
	if err := r.Load(countAccepted); err != nil {
		t.Fatal(err)
	}
	policies := []string{
		"knock ssh < 1001 1003 -> 22 8000-8010 reset any >",
		"knock ssh < 1001 1003 -> 22 8000-8010 reset any within 4s > knock web < 1003 1002 -> 80 8005 > trust 203.0.113.0/24 198.51.100.1",
	}
	r.load(policies[0])

	var stop atomic.Bool
	flooded := make(chan int)
	go func() {
		n, err := r.Flood(func(yield func(netns.Packet) bool) {
			ports := []uint16{22, 8003, 22, 8005, 1001, 1003}
			for i := uint32(0); !stop.Load(); i++ {
				p := netns.Packet{Src: numbered(100, i%60000), SrcPort: 1024, Proto: netns.TCP, DstPort: ports[i%6], Flags: netns.SYN}
				if !yield(p) {
					return
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		flooded <- n
	}()
	for i := range reloads {
		r.load(policies[i%2])
	}
	stop.Store(true)
	n, through := <-flooded, counterOf(t, r.Host, "through", "accepted")
	t.Logf("%d reloads under %d packets, %d got through", reloads, n, through)
	if through != 0 {
		t.Errorf("%d packets got through", through)
	}
}
