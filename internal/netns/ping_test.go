//go:build linux

package netns

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestPing(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, `table inet t {
			chain input {
				type filter hook input priority -10; policy drop
				icmp type echo-request icmp id 7 accept
				icmpv6 type echo-request icmpv6 id 7 accept
			}
		}`)
		for id, want := range map[uint16]bool{7: true, 8: false, 0: false} {
			wantAccepted(t, h, Packet{Src: src, SrcPort: id, Proto: Ping}, want)
		}
		wantAccepted(t, h, Packet{Src: src, SrcPort: 7, Proto: UDP, DstPort: 7}, false)
	})
}

// TestPingLength has rules for the length that the IP header tells.
func TestPingLength(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		for _, length := range []int{0, 1, 56, 1472, 1473, 9001, 65000, 65507} {
			t.Run(fmt.Sprint(length), func(t *testing.T) {
				load(t, h, fmt.Sprintf(`table inet t
					delete table inet t
					table inet t {
						chain input {
							type filter hook input priority -10; policy drop
							ct state invalid drop
							icmp type echo-request ip length %d accept
							icmpv6 type echo-request ip6 length %d accept
						}
					}`, 20+8+length, 8+length))
				p := Packet{Src: src, Proto: Ping, Length: length}
				if r := send(t, h, p); !r.Accepted || r.Answer != OtherAnswer {
					t.Errorf("accepted = %v, %v; want true, %v", r.Accepted, r.Answer, OtherAnswer)
				}
				p.Length ^= 1
				wantAccepted(t, h, p, false)
			})
		}
	})
}

func TestPingState(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, counters)
		silent := Packet{Src: src, SrcPort: 1, Proto: Ping, Length: 55, Silent: true}
		answered := Packet{Src: src, SrcPort: 2, Proto: Ping, Length: 55}
		fresh := Packet{Src: src, Proto: Ping, Length: 2000}
		for i, want := range []string{"new", "established", "established"} {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				wantState(t, h, silent, "new")
				wantState(t, h, answered, want)
				wantState(t, h, fresh, "new")
			})
		}
	})
}

// TestSilentPing shows that silence is for one ping, and not for the rules.
func TestSilentPing(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		silent := Packet{Src: src, Proto: Ping, Silent: true}
		aloud := Packet{Src: src, Proto: Ping}
		for range 3 {
			wantResult(t, h, silent, true, NoAnswer)
			wantResult(t, h, aloud, true, OtherAnswer)
		}
		load(t, h, rejectAll)
		wantResult(t, h, silent, false, Unreachable)
	})
}

func TestListenPing(t *testing.T) {
	h := New(t, "eth0")
	listen(t, h, Ping, 0)
	if len(h.listening) != 0 {
		t.Errorf("%d sockets, want none", len(h.listening))
	}
}

func TestChecksum(t *testing.T) {
	for _, test := range []struct {
		b    []byte
		want uint16
	}{
		{nil, 0xffff},
		{[]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, ^uint16(0xddf2)}, // RFC 1071, section 3
		{[]byte{0x00, 0x01, 0xf2, 0x03, 0xf4}, ^uint16(0xe605)},
	} {
		if got := checksum(0, test.b); got != test.want {
			t.Errorf("checksum of %x = %#04x, want %#04x", test.b, got, test.want)
		}
	}
}
