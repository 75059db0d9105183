//go:build linux

package netns

import (
	"net/netip"
	"testing"
)

type group struct {
	src, dst string
	in       bool
	udp      Answer // of a listener
	ping     Answer
}

// groups has what the host might receive besides packets to its address. The IP
// stack gives the input hook what is for the whole network or for a group that the
// host is in, whatever the protocol.
var groups = []group{
	{"203.0.113.7", "255.255.255.255", true, OtherAnswer, NoAnswer}, // icmp_echo_ignore_broadcasts is on
	{"0.0.0.0", "255.255.255.255", true, NoAnswer, NoAnswer},
	{"198.18.0.9", "198.18.0.255", true, OtherAnswer, NoAnswer},
	{"198.18.0.9", "224.0.0.1", true, OtherAnswer, NoAnswer},
	{"198.18.0.9", "224.0.0.251", false, NoAnswer, NoAnswer},
	{"fe80::7", "ff02::1", true, OtherAnswer, OtherAnswer}, // icmp/echo_ignore_multicast is off
	{"2001:db8::7", "ff02::1", true, OtherAnswer, OtherAnswer},
	{"2001:db8::7", "ff02::fb", false, NoAnswer, NoAnswer},
}

// packet returns a packet to g that lacks a protocol.
func (g group) packet() Packet {
	return Packet{Src: netip.MustParseAddr(g.src), Dst: netip.MustParseAddr(g.dst), Flags: SYN}
}

func forEachGroup(t *testing.T, test func(t *testing.T, h *Host, g group)) {
	for _, g := range groups {
		t.Run(g.src+" to "+g.dst, func(t *testing.T) {
			t.Parallel()
			h := New(t, "eth0", "eth1")
			listen(t, h, TCP, 22)
			listen(t, h, UDP, 53)
			test(t, h, g)
		})
	}
}

// TestGroups shows that TCP ignores what is not for the host alone, behind the
// input hook (tcp_v4_conn_request, tcp_v6_conn_request), with no RST either.
func TestGroups(t *testing.T) {
	forEachGroup(t, func(t *testing.T, h *Host, g group) {
		for p, answer := range map[Packet]Answer{
			{Proto: TCP, DstPort: 22}: NoAnswer,
			{Proto: TCP, DstPort: 23}: NoAnswer,
			{Proto: UDP, DstPort: 53}: g.udp,
			{Proto: UDP, DstPort: 54}: NoAnswer,
			{Proto: Ping}:             g.ping,
		} {
			q := g.packet()
			q.Proto, q.DstPort = p.Proto, p.DstPort
			wantResult(t, h, q, g.in, answer)
		}
	})
}

// TestRejectGroups shows that nobody sends an error about a packet to a group
// (icmp_send, icmp6_send, nf_send_reset, nf_send_reset6).
func TestRejectGroups(t *testing.T) {
	forEachGroup(t, func(t *testing.T, h *Host, g group) {
		load(t, h, `table inet t {
			chain input {
				type filter hook input priority -10
				tcp dport 22 reject with tcp reset
				reject
			}
		}`)
		p := g.packet()
		for _, p.Proto = range []Proto{TCP, UDP, Ping} {
			for _, p.DstPort = range []uint16{22, 53} {
				wantResult(t, h, p, false, NoAnswer)
			}
		}
	})
}

// TestGroupsState shows that an answer from the host's own address is none to
// conntrack.
func TestGroupsState(t *testing.T) {
	forEachGroup(t, func(t *testing.T, h *Host, g group) {
		if !g.in {
			return
		}
		load(t, h, counters)
		p := g.packet()
		p.SrcPort, p.DstPort = 40000, 53
		for _, p.Proto = range []Proto{TCP, UDP, Ping} {
			for range 2 {
				wantState(t, h, p, "new")
			}
		}
	})
}

// TestGroupsElsewhere sends on an interface without addresses.
func TestGroupsElsewhere(t *testing.T) {
	forEachGroup(t, func(t *testing.T, h *Host, g group) {
		load(t, h, `table inet t {
			chain input {
				type filter hook input priority -10; policy drop
				iifname "eth1" accept
			}
		}`)
		p := g.packet()
		for _, p.Proto = range []Proto{TCP, UDP, Ping} {
			for _, p.Iface = range []string{"eth0", "eth1"} {
				wantAccepted(t, h, p, g.in && p.Iface == "eth1")
			}
		}
	})
}

// TestAnycast has the address that every router of a subnet has, RFC 4291 section
// 2.6.1. TCP ignores it.
func TestAnycast(t *testing.T) {
	h := New(t, "eth0")
	listen(t, h, TCP, 22)
	listen(t, h, UDP, 53)
	p := Packet{Src: sources["IPv6"], Dst: addr6.Masked().Addr(), Flags: SYN}
	for _, p.Proto = range []Proto{TCP, UDP, Ping} {
		answer := OtherAnswer
		switch p.DstPort = 53; p.Proto {
		case TCP:
			p.DstPort, answer = 22, NoAnswer
		case Ping:
			p.DstPort = 0
		}
		wantResult(t, h, p, true, answer)
	}
}
