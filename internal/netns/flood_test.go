//go:build linux

package netns

import (
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// spoofed returns copies of p from n sources of p.Src's family.
func spoofed(p Packet, n int) iter.Seq[Packet] {
	return func(yield func(Packet) bool) {
		for i := range n {
			high, middle, low := byte(i>>16), byte(i>>8), byte(i)
			if p.Src.Is4() {
				p.Src = netip.AddrFrom4([4]byte{100, high, middle, low})
			} else {
				p.Src = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: 1, 13: high, 14: middle, 15: low})
			}
			if !yield(p) {
				return
			}
		}
	}
}

func flood(t testing.TB, h *Host, packets iter.Seq[Packet], want int) {
	t.Helper()
	n, err := h.Flood(packets)
	if err != nil || n != want {
		t.Fatalf("flood: %d packets, %v; want %d", n, err, want)
	}
}

// TestFlood fills a set and looks for all of the sources in it.
func TestFlood(t *testing.T) {
	const n = 66000
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, `table inet t {
			set seen4 { type ipv4_addr; flags dynamic,timeout; size 100000; timeout 1h; }
			set seen6 { type ipv6_addr; flags dynamic,timeout; size 100000; timeout 1h; }
			chain input {
				type filter hook input priority -10
				tcp dport 1 update @seen4 { ip saddr } drop
				tcp dport 1 update @seen6 { ip6 saddr } drop
				tcp dport 2 ip saddr @seen4 accept
				tcp dport 2 ip6 saddr @seen6 accept
				drop
			}
		}`)
		knock := Packet{Src: src, Proto: TCP, DstPort: 1, Flags: SYN}
		start := time.Now()
		flood(t, h, spoofed(knock, n), n)
		t.Logf("%d packets in %v", n, time.Since(start))
		knock.DstPort = 2
		wantAccepted(t, h, knock, false)
		for p := range spoofed(knock, n) {
			wantAccepted(t, h, p, true)
		}
	})
}

// TestSendAfterFlood accepts the flood and looks for what it left.
func TestSendAfterFlood(t *testing.T) {
	const n = 5000
	for name, test := range map[string]struct {
		p    Packet
		want Answer
	}{
		"SYN":             {Packet{Proto: TCP, DstPort: 22, Flags: SYN}, OtherAnswer},
		"closed port":     {Packet{Proto: TCP, DstPort: 23, Flags: SYN}, Reset},
		"datagram":        {Packet{Proto: UDP, DstPort: 53}, OtherAnswer},
		"closed UDP port": {Packet{Proto: UDP, DstPort: 54}, Unreachable},
		"ping":            {Packet{Proto: Ping, Length: 3000}, OtherAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
				// No answer to the flood is repeated later, when it would be an answer to
				// the same packet sent again.
				if err := h.Do(func() error { return writeSysctl("ipv4/tcp_synack_retries", "0") }); err != nil {
					t.Fatal(err)
				}
				p := test.p
				p.Src, p.SrcPort = src, 40000
				packets := slices.Collect(spoofed(p, n))
				flood(t, h, slices.Values(packets), n)
				for _, p := range packets[n-100:] {
					p.SrcPort++
					wantResult(t, h, p, true, test.want)
				}
				load(t, h, "table inet t { chain c { type filter hook input priority -10; drop; }; }")
				for _, p := range packets[n-100:] {
					wantResult(t, h, p, false, NoAnswer)
				}
			})
		})
	}
}

func TestFloodError(t *testing.T) {
	h := New(t, "eth0")
	good := Packet{Src: sources["IPv4"], Proto: UDP, DstPort: 1}
	bad := Packet{Src: sources["IPv4"], Proto: UDP, DstPort: 1, Iface: "eth1"}
	n, err := h.Flood(slices.Values([]Packet{good, good, bad, good}))
	if n != 2 || err == nil {
		t.Errorf("flood: %d packets, %v; want 2 and an error", n, err)
	}
}
