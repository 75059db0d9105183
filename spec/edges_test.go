package spec

import (
	"net/netip"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// edgeHost is a host with a policy's rules and a table after them that counts what
// comes through.
func edgeHost(t *testing.T, policy, more string) (*netns.Host, *pair) {
	t.Helper()
	p, err := newPair("policy", policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := netns.New(t, "eth0")
	if err := h.Load(script(t, p.result) + countAccepted + more); err != nil {
		t.Fatal(err)
	}
	return h, p
}

// countAccepted is a table after ours that counts what comes through.
const countAccepted = `
table inet through {
	counter accepted { packets 0 bytes 0 }
	chain count {
		type filter hook input priority 100; policy accept;
		counter name "accepted"
	}
}
`

func send(t *testing.T, h *netns.Host, p netns.Packet) netns.Result {
	t.Helper()
	r, err := h.Send(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// groups are addresses that a host receives packets for, but which are not its own.
var groups = map[string][]string{
	"192.0.2.7":   {"255.255.255.255", "198.18.0.255", "224.0.0.1"},
	"2001:db8::7": {"ff02::1"},
}

// TestBroadcastsOnKernel: what is sent to a broadcast or multicast address is no
// attempt. It moves nothing, a grant does not let it in, and it resets nothing.
func TestBroadcastsOnKernel(t *testing.T) {
	const policy = "knock a < udp/1001 udp/1002 -> udp/2001 reset any >\nknock b < ping/20 udp/1003 -> 2002 >"
	for address, dsts := range groups {
		src := netip.MustParseAddr(address)
		for _, dst := range dsts {
			t.Run(dst, func(t *testing.T) {
				h, _ := edgeHost(t, policy, "")
				to := func(dst string, port uint16) bool {
					p := netns.Packet{Src: src, Proto: netns.UDP, DstPort: port}
					if dst != "" {
						p.Dst = netip.MustParseAddr(dst)
					}
					return send(t, h, p).Accepted
				}
				steps := func(want int) {
					t.Helper()
					if n := counterOf(t, h, "knockc", "a_steps"); n != want {
						t.Errorf("%d steps done, want %d", n, want)
					}
				}
				to(dst, 1001)
				send(t, h, netns.Packet{Src: src, Proto: netns.Ping, Length: 20, Dst: netip.MustParseAddr(dst)})
				steps(0)
				to("", 1001)
				steps(1)
				to(dst, 3000) // would be wrong
				to("", 1002)
				if !to("", 2001) {
					t.Error("the door is not open")
				}
				if to(dst, 2001) {
					t.Error("a grant let a broadcast in")
				}
				if n := counterOf(t, h, "knockc", "b_steps"); n != 0 {
					t.Error("a ping to a broadcast address was a step")
				}
			})
		}
	}
}

// TestOpenBroadcastsOnKernel: `open` admits them at a port that a knock guards, as a DHCP
// server needs it.
func TestOpenBroadcastsOnKernel(t *testing.T) {
	for _, settings := range []string{"", "default drop\n", "hook input\n", "hook input\ndefault drop\nrefuse reject\n"} {
		for address, dsts := range groups {
			for _, dst := range dsts {
				t.Run(settings+dst, func(t *testing.T) {
					h, _ := edgeHost(t, settings+"open udp/67 from 192.0.2.0/24 2001:db8::/64\nknock a < 1001 1002 -> udp/67 >", "")
					p := netns.Packet{Proto: netns.UDP, DstPort: 67, Dst: netip.MustParseAddr(dst)}
					for src, admitted := range map[netip.Addr]bool{netip.MustParseAddr(address): true, farSource(1, p.Dst.Is6()): false} {
						p.Src = src
						if send(t, h, p).Accepted != admitted {
							t.Errorf("from %v: accepted is %v", src, !admitted)
						}
					}
				})
			}
		}
	}
}

// TestBroadcasts is the same in the simulator.
func TestBroadcasts(t *testing.T) {
	p, err := newPair("policy", "knock a < udp/1001 -> udp/2001 reset any revoke >", nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.New(p.result.Ruleset)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		port      uint16
		broadcast bool
		verdict   compiler.VerdictKind
	}{
		{1001, true, compiler.Passed}, {2001, false, compiler.Drop},
		{1001, false, compiler.Passed}, {2001, true, compiler.Drop}, {3000, true, compiler.Passed}, {2001, false, compiler.Accept},
	} {
		packet := sim.Packet{Iface: "eth0", Src: someone(1), Proto: lang.UDP, DstPort: step.port, Broadcast: step.broadcast, Alone: true}
		if v, _ := m.Packet(&packet); v != step.verdict {
			t.Errorf("packet %d: verdict %v, want %v", i+1, v, step.verdict)
		}
	}
}

// TestTruncatedOnKernel: a segment that is too short to have flags, but still has its
// port, moves nothing and gets nowhere.
func TestTruncatedOnKernel(t *testing.T) {
	for _, address := range []string{"192.0.2.7", "2001:db8::7"} {
		h, _ := edgeHost(t, "refuse reject\nknock a < 1001 -> 2001 >", "")
		p := netns.Packet{Src: netip.MustParseAddr(address), Proto: netns.TCP, Flags: netns.SYN}
		for _, cut := range []int{1, 8, 12, 16} {
			p.DstPort, p.Cut = 1001, cut
			send(t, h, p)
		}
		p.DstPort, p.Cut = 1001, 0
		send(t, h, p)
		before := counterOf(t, h, "through", "accepted")
		for _, cut := range []int{1, 8, 12, 16} {
			p.DstPort, p.Cut = 2001, cut
			send(t, h, p)
		}
		if n := counterOf(t, h, "through", "accepted") - before; n != 0 {
			t.Errorf("%s: %d packets got through to a service", address, n)
		}
		if n := counterOf(t, h, "knockc", "a_opened"); n != 1 {
			t.Errorf("%s: the door opened %d times, want 1", address, n)
		}
	}
}

// TestBadChecksumOnKernel: what has a bad checksum is no attempt: it moves nothing and
// resets nothing.
func TestBadChecksumOnKernel(t *testing.T) {
	for _, address := range []string{"192.0.2.7", "2001:db8::7"} {
		h, _ := edgeHost(t, "knock a < 1001 ping/20 1002 -> 2001 reset any >", "")
		p := netns.Packet{Src: netip.MustParseAddr(address), Proto: netns.TCP, Flags: netns.SYN, DstPort: 1001}
		bad := func(p netns.Packet) {
			p.BadChecksum = true
			send(t, h, p)
		}
		ping := netns.Packet{Src: p.Src, Proto: netns.Ping, Length: 20}
		bad(p)
		bad(ping)
		if n := counterOf(t, h, "knockc", "a_steps"); n != 0 {
			t.Errorf("%s: %d steps done with bad checksums", address, n)
		}
		send(t, h, p)
		bad(ping)
		bad(netns.Packet{Src: p.Src, Proto: netns.UDP, DstPort: 3000}) // would be wrong
		send(t, h, ping)
		p.DstPort = 1002
		send(t, h, p)
		if n := counterOf(t, h, "knockc", "a_opened"); n != 1 {
			t.Errorf("%s: the door opened %d times, want 1", address, n)
		}
	}
}

// TestMarkOnKernel: what is let through has the mark that it came with.
func TestMarkOnKernel(t *testing.T) {
	const marks = `
table inet marks {
	counter kept { packets 0 bytes 0 }
	chain before {
		type filter hook input priority -300; policy accept;
		meta mark set 0x12345678
	}
	chain behind {
		type filter hook input priority 200; policy accept;
		meta mark 0x12345678 counter name "kept"
	}
}
`
	const policy = `
		trust 203.0.113.0/24
		knock a < 1001 ping/20 -> 2001 2003 total 3s reset any revoke close 1002 1003 per /24 /64 >
		knock b < 1001 1004 -> 2001-2002 once reset known >`
	for _, address := range []string{"192.0.2.7", "2001:db8::7"} {
		h, _ := edgeHost(t, policy, marks)
		src := netip.MustParseAddr(address)
		for _, port := range []uint16{80, 1001, 1004, 80, 2002, 1001, 81, 1001} {
			send(t, h, netns.Packet{Src: src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
		}
		send(t, h, netns.Packet{Src: src, Proto: netns.Ping, Length: 20})
		for _, port := range []uint16{2003, 2001, 1002, 1003, 82} {
			send(t, h, netns.Packet{Src: src, Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
		}
		send(t, h, netns.Packet{Src: netip.MustParseAddr("203.0.113.1"), Proto: netns.TCP, DstPort: 2001, Flags: netns.SYN})
		through, kept := counterOf(t, h, "through", "accepted"), counterOf(t, h, "marks", "kept")
		if through != kept || through < 8 {
			t.Errorf("%s: %d packets let through, %d with their mark", address, through, kept)
		}
	}
}

// TestCountersOnKernel: each step, opening and attempt counts once.
func TestCountersOnKernel(t *testing.T) {
	h, _ := edgeHost(t, `
		knock a < 1001 1002 1003 -> 2001 close 1004 1005 >
		knock b < 1001 1006 -> 2001-2002 from 198.51.100.0/24 2001:db8::/32 >`, "")
	from := func(src string, ports ...uint16) {
		for _, port := range ports {
			send(t, h, netns.Packet{Src: netip.MustParseAddr(src), Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
		}
	}
	from("192.0.2.7", 1001, 1001, 1003, 1002, 1003, 2001, 1003, 1004, 1005, 1003, 2001, 1006, 2002)
	from("198.51.100.7", 1001, 1006, 2001, 2002)
	from("2001:db8::7", 1006, 2002)
	from("2001:db9::7", 1006, 2002)
	send(t, h, netns.Packet{Src: netip.MustParseAddr("192.0.2.7"), Proto: netns.TCP, DstPort: 2002, Flags: netns.ACK})
	for name, want := range map[string]int{
		"a_steps": 6, "a_opened": 2, "a_let_in": 1,
		"b_steps": 1, "b_opened": 1, "b_let_in": 2, "b_barred": 4,
		"tcp_2001_refused": 1, "tcp_2002_refused": 3,
	} {
		if n := counterOf(t, h, "knockc", name); n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
}
