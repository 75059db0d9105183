//go:build linux

package netns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// inners has the address of an inner host of each family.
var inners = map[string]netip.Addr{
	"IPv4": netip.MustParseAddr("10.66.2.2"),
	"IPv6": netip.MustParseAddr("2001:db8:66::2"),
}

func innerOf(src netip.Addr) netip.Addr {
	if src.Is4() {
		return inners["IPv4"]
	}
	return inners["IPv6"]
}

func wantForwarded(t testing.TB, h *Host, p Packet, forwarded bool, answer Answer) {
	t.Helper()
	r := send(t, h, p)
	if r.Accepted || r.Forwarded != forwarded || r.Answer != answer {
		t.Errorf("%+v: accepted = %v, forwarded = %v, %v; want forwarded = %v, %v", p, r.Accepted, r.Forwarded, r.Answer, forwarded, answer)
	}
	if to := netip.AddrPortFrom(p.Dst, p.DstPort); r.Forwarded && r.To != to {
		t.Errorf("%+v: forwarded to %v", p, r.To)
	}
}

func TestForward(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		for _, p := range []Packet{
			{Proto: TCP, DstPort: 22, Flags: SYN},
			{Proto: TCP, DstPort: 23, Flags: SYN | PSH},
			{Proto: UDP, DstPort: 53},
			{Proto: UDP, DstPort: 54},
		} {
			p.Src, p.Dst = src, innerOf(src)
			wantForwarded(t, h, p, true, OtherAnswer)
			p.Silent = true
			wantForwarded(t, h, p, true, NoAnswer)
			p.Silent, p.BadChecksum = false, true
			wantForwarded(t, h, p, true, NoAnswer)
		}
		for _, length := range []int{0, 56, 1473, 65535 - 40 - 8} {
			wantForwarded(t, h, Packet{Src: src, Dst: innerOf(src), Proto: Ping, Length: length}, true, NoAnswer)
		}
		if r := send(t, h, Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN}); !r.Accepted || r.Forwarded {
			t.Errorf("to the host: accepted = %v, forwarded = %v", r.Accepted, r.Forwarded)
		}
	})
}

// TestForwardOnLink has a client and an inner host on one wire, which a router
// would tell of each other.
func TestForwardOnLink(t *testing.T) {
	h := New(t, "eth0", "eth1")
	load(t, h, `table inet t {
		counter redirects { }
		chain c {
			type filter hook output priority 0
			icmp type redirect counter name redirects
			icmpv6 type nd-redirect counter name redirects
		}
	}`)
	for _, on := range []string{"eth0", "eth1"} {
		for src, dst := range map[string]string{"198.18.0.7": "198.18.0.9", "fd00:6b6e::7": "fd00:6b6e::9"} {
			p := Packet{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: UDP, DstPort: 53, Silent: true, Iface: on}
			wantForwarded(t, h, p, true, NoAnswer)
		}
	}
	if listing, err := h.Nft("list", "counters"); err != nil || !strings.Contains(listing, "packets 0 ") {
		t.Errorf("redirects were sent: %s, %v", listing, err)
	}
}

// TestForwardHooks shows which hooks see a packet to an inner host.
func TestForwardHooks(t *testing.T) {
	for name, test := range map[string]struct {
		chain     string
		forwarded bool
		answer    Answer
	}{
		"input":      {"hook input priority 0; drop", true, OtherAnswer},
		"output":     {"hook output priority 0; drop", true, OtherAnswer},
		"prerouting": {"hook prerouting priority 0; tcp dport 22 drop", false, NoAnswer},
		"forward":    {"hook forward priority 0; tcp dport 22 drop", false, NoAnswer},
		"reset":      {"hook forward priority 0; tcp dport 22 reject with tcp reset", false, Reset},
		"reject":     {"hook prerouting priority 0; tcp dport 22 reject", false, Unreachable},
		"answers":    {"hook forward priority 0; tcp sport 22 drop", true, NoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
				load(t, h, "table inet t { chain c { type filter "+test.chain+"; }; }")
				p := Packet{Src: src, Dst: innerOf(src), Proto: TCP, DstPort: 22, Flags: SYN}
				wantForwarded(t, h, p, test.forwarded, test.answer)
			})
		})
	}
}

// TestForwardElsewhere has a client on an interface without routes.
func TestForwardElsewhere(t *testing.T) {
	h := New(t, "wan0", "lan0")
	for name, src := range sources {
		p := Packet{Src: src, SrcPort: 40000, Dst: inners[name], Proto: TCP, DstPort: 22, Flags: SYN, Iface: "lan0"}
		wantForwarded(t, h, p, true, OtherAnswer)
		p.Flags = ACK
		wantForwarded(t, h, p, true, NoAnswer)
		p.Flags = FIN | ACK
		wantForwarded(t, h, p, true, OtherAnswer)
	}
}

// TestInnerConnection is TestConnection with an inner host.
func TestInnerConnection(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, strings.ReplaceAll(counters, "hook input", "hook prerouting"))
		p := Packet{Src: src, SrcPort: 40000, Dst: innerOf(src), Proto: TCP, DstPort: 22}
		for i, step := range []struct {
			flags  TCPFlags
			want   string
			answer Answer
		}{
			{SYN, "new", OtherAnswer},
			{SYN, "established", OtherAnswer},
			{ACK, "established", NoAnswer},
			{PSH | ACK, "established", NoAnswer},
			{SYN, "established", OtherAnswer},
			{FIN | ACK, "established", OtherAnswer},
			{ACK, "established", NoAnswer},
			{RST | ACK, "established", NoAnswer},
			{SYN, "new", OtherAnswer},
			{ACK, "established", NoAnswer},
		} {
			p.Flags = step.flags
			listing := fmt.Sprintf("%d", i)
			t.Run(listing, func(t *testing.T) {
				wantForwarded(t, h, p, true, step.answer)
				wantCounted(t, h, p, step.want, step.answer != NoAnswer)
			})
		}
	})
}

// wantCounted checks the state that conntrack gave to p, which crossed the hook of
// counters with or without an answer. An answer is established.
func wantCounted(t *testing.T, h *Host, p Packet, want string, answered bool) {
	t.Helper()
	listing, err := h.Nft("reset", "counters", "table", "inet", "t")
	if err != nil {
		t.Fatal(err)
	}
	packets := map[string]int{want: 1}
	if answered {
		packets["established"]++
	}
	for state, n := range packets {
		if !strings.Contains(strings.Join(strings.Fields(listing), " "), fmt.Sprintf("counter n_%s { packets %d ", state, n)) {
			t.Errorf("%+v: want %d packets %s, have\n%s", p, n, state, listing)
		}
	}
}

// TestInnerAnswers compares an inner host with the host itself: both answer the
// same segments with the same flags.
func TestInnerAnswers(t *testing.T) {
	flags := []TCPFlags{SYN, ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, 0, SYN | ACK, SYN | FIN, FIN | PSH | URG, SYN | PSH}
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		err := h.Do(func() error { return writeSysctl("ipv4/tcp_invalid_ratelimit", "0") })
		if err != nil {
			t.Fatal(err)
		}
		draw := rand.New(rand.NewPCG(1, 2))
		for i := range 2000 {
			p := Packet{Src: src, SrcPort: 1024 + uint16(i), Proto: TCP, DstPort: 22}
			var done []TCPFlags
			for range 8 {
				p.Flags = flags[draw.IntN(len(flags))]
				if len(done) == 0 && draw.IntN(4) > 0 {
					p.Flags = SYN
				}
				done = append(done, p.Flags)
				var answers [2][]TCPFlags
				for i, dst := range []netip.Addr{ownAddr(src.Is6()), innerOf(src)} {
					p.Dst = dst
					send(t, h, p)
					answers[i] = flagsSent(t, h, p)
				}
				if !slices.Equal(answers[0], answers[1]) {
					t.Fatalf("the host answers the last of %#x with %#x, an inner host with %#x", done, answers[0], answers[1])
				}
			}
		}
	})
}

// TestTranslated has packets to addresses and ports that a rule changes.
func TestTranslated(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, `table inet t { chain c {
			type nat hook prerouting priority dstnat
			meta l4proto { tcp, udp } th dport 8080 dnat ip to 10.66.2.2:80
			meta l4proto { tcp, udp } th dport 8080 dnat ip6 to [2001:db8:66::2]:80
			tcp dport 2222 redirect to :22
			udp dport 2222 redirect to :53
		}; }`)
		for _, p := range []Packet{
			{Proto: TCP, SrcPort: 40000, Flags: SYN},
			{Proto: TCP, SrcPort: 40000, Flags: ACK},
			{Proto: TCP, SrcPort: 40000, Flags: FIN | ACK},
			{Proto: UDP},
		} {
			p.Src = src
			answer := OtherAnswer
			if p.Flags == ACK {
				answer = NoAnswer
			}
			p.DstPort = 8080
			r := send(t, h, p)
			if to := netip.AddrPortFrom(innerOf(src), 80); !r.Forwarded || r.Accepted || r.To != to || r.Answer != answer {
				t.Errorf("%+v: %+v, want it forwarded to %v, %v", p, r, to, answer)
			}
			p.DstPort = 2222
			r = send(t, h, p)
			if r.Forwarded || !r.Accepted || r.Answer != answer {
				t.Errorf("%+v: %+v, want it accepted, %v", p, r, answer)
			}
		}
	})
}
