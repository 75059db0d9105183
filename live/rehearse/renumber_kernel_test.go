//go:build linux

package rehearse

import (
	"net/netip"
	"strings"
	"testing"
)

// TestRenumberOnKernel: where the copy cannot have the host's indices, addresses and routes
// follow the interfaces.
func TestRenumberOnKernel(t *testing.T) {
	l := newLab(t)
	l.Host.IP(t, "route add 203.0.113.0/24 nexthop via 192.0.2.2 nexthop via 10.66.2.2")
	var h *host
	if err := l.Host.Do(func() (err error) {
		h, err = readHost()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	to := map[int]int{}
	for _, l := range h.links {
		to[l.index] = l.index + 100
	}
	h.renumber(to)
	p, err := newPlace(h)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.await(); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"198.51.100.1": "eth0", "10.66.2.9": "lan0", "10.9.0.7": "wg0", "2001:db8:c::1": "eth0", "203.0.113.1": "eth0 lan0"} {
		index, _, ok := p.route(netip.MustParseAddr(to))
		if by := h.link(index); !ok || by == nil || by.index < 100 || !strings.Contains(want, by.name) {
			t.Errorf("to %s: interface %d, want %s", to, index, want)
		}
	}
}

// TestTakenNameOnKernel: a host may have an interface with the name that each new namespace
// has taken.
func TestTakenNameOnKernel(t *testing.T) {
	l := newLab(t)
	l.Host.IP(t, "link set lo down", "link set lo name loop", "link set loop up", "tuntap add dev lo mode tun")
	if got := lines(l.rehearse(t, ssh)); len(got) > 0 {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
