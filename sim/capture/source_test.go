package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// show is a packet on one line, with what is not usual.
func show(kind capture.Kind, p *sim.Packet) string {
	var b strings.Builder
	b.WriteString(map[capture.Kind]string{capture.ToHost: "to", capture.FromHost: "from", capture.Between: "between"}[kind])
	fmt.Fprintf(&b, " %s %s/%d", netip.AddrPortFrom(p.Src, p.SrcPort), p.Proto, p.DstPort)
	if p.Flags != 0 {
		fmt.Fprintf(&b, " %s", p.Flags)
	}
	if p.Length != 0 {
		fmt.Fprintf(&b, " %d bytes", p.Length)
	}
	if p.To.IsValid() {
		fmt.Fprintf(&b, " at %s", p.To)
	}
	if p.Broadcast {
		b.WriteString(" broadcast")
	}
	if p.Alone {
		b.WriteString(" alone")
	}
	if p.Iface != "eth0" {
		b.WriteString(" on " + p.Iface)
	}
	return b.String()
}

// read reads a capture to its end.
func read(t testing.TB, data []byte, o capture.Options) (packets []string, stats capture.Stats) {
	t.Helper()
	s, err := openData(data, o)
	if err != nil {
		t.Fatal(err)
	}
	var p sim.Packet
	for {
		kind, err := s.Next(&p)
		if err == io.EOF {
			checkSum(t, s.Stats())
			return packets, s.Stats()
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, show(kind, &p))
	}
}

// checkSum makes sure that every record is in one place of the statistics.
func checkSum(t testing.TB, s capture.Stats) {
	t.Helper()
	sum := s.ToHost + s.FromHost + s.ToAt + s.FromAt
	for _, n := range s.LeftOut {
		sum += n
	}
	if sum != s.Records {
		t.Errorf("%d records, of which %d are accounted for: %s", s.Records, sum, s)
	}
}

// TestFrames reads single frames. What is left out is in brackets.
func TestFrames(t *testing.T) {
	knock := tcpHeader(40000, 22, syn)
	syn4 := ip4(peer4, host4, tcp, knock)
	syn6 := ip6(peer6, host6, tcp, knock)
	const to4, to6 = "to 198.51.100.7:40000 tcp/22 syn", "to [2001:db8:7::7]:40000 tcp/22 syn"
	subnet4 := netip.MustParseAddr("192.0.2.255")
	everybody, group4 := netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("224.0.0.251")
	group6, loopback := netip.MustParseAddr("ff02::1"), netip.MustParseAddr("127.0.0.1")
	const to4In6 = "to [::ffff:198.51.100.7]:40000 tcp/22 syn"
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	with := func(b []byte, i int, v byte) []byte { b = bytes.Clone(b); b[i] = v; return b }

	for _, test := range []struct {
		name  string
		link  uint32
		frame []byte
		want  string
	}{
		{"Ethernet", 1, ether(syn4), to4},
		{"padding", 1, append(ether(syn4), 0, 0, 0, 0, 0, 0), to4},
		{"IPv6", 1, ether(syn6), to6},
		{"VLAN", 1, ether(syn4, 0x81, 0, 0, 5), to4},
		{"VLAN in VLAN in VLAN", 1, ether(syn6, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7), to6},
		{"VLAN without an end", 1, cat(hostMAC, peerMAC, []byte{0x81, 0, 0, 5, 0x81}), "[malformed]"},
		{"ARP", 1, cat(hostMAC, peerMAC, []byte{8, 6}, make([]byte, 28)), "[not IP]"},
		{"LLC", 1, cat(hostMAC, peerMAC, []byte{0, 40}, make([]byte, 40)), "[not IP]"},
		{"half an Ethernet header", 1, hostMAC, "[malformed]"},
		{"no datagram", 1, cat(hostMAC, peerMAC, []byte{8, 0}), "[malformed]"},
		{"raw IPv4", 101, syn4, to4},
		{"raw IPv6", 101, syn6, to6},
		{"raw BSD", 12, syn4, to4},
		{"raw OpenBSD", 14, syn6, to6},
		{"link type IPv4", 228, syn4, to4},
		{"link type IPv6", 229, syn6, to6},
		{"link type with FCS length", 0x24000001, ether(syn4), to4},
		{"no IP version", 101, with(syn4, 0, 0x55), "[malformed]"},
		{"null, little endian", 0, cat([]byte{2, 0, 0, 0}, syn4), to4},
		{"null, big endian", 0, cat([]byte{0, 0, 0, 2}, syn4), to4},
		{"null, IPv6 on macOS", 0, cat([]byte{30, 0, 0, 0}, syn6), to6},
		{"loop, IPv6 on OpenBSD", 108, cat([]byte{0, 0, 0, 24}, syn6), to6},
		{"null, AppleTalk", 0, cat([]byte{16, 0, 0, 0}, syn4), "[not IP]"},
		{"cooked", 113, cooked(0, syn4), to4},
		{"cooked 2", 276, cooked2(0, 1, syn6), to6},
		{"cooked 2, over loopback", 276, cooked2(0, 772, syn4), to4 + " on lo"},
		{"half a cooked header", 113, cooked(0, syn4)[:15], "[malformed]"},

		{"IPv4 options", 101, ip4(peer4, host4, tcp, knock, 1, 1, 1, 0), to4},
		{"source route", 101, ip4(peer4, host4, tcp, knock, 131, 7, 4, 1, 2, 3, 4, 0), "[malformed]"},
		{"option too long", 101, ip4(peer4, host4, tcp, knock, 7, 5, 0, 0), "[malformed]"},
		{"option too short", 101, ip4(peer4, host4, tcp, knock, 7, 1, 0, 0), "[malformed]"},
		{"IPv4 header too short", 101, with(syn4, 0, 0x44), "[malformed]"},
		{"IPv4 header longer than all", 101, with(syn4, 0, 0x4f), "[malformed]"},
		{"IPv4 longer than the frame", 101, with(syn4, 3, 41), "[malformed]"},
		{"IPv4 shorter than its header", 101, with(syn4, 3, 19), "[malformed]"},
		{"IPv6 longer than the frame", 101, with(syn6, 5, 21), "[malformed]"},
		{"half an IPv6 header", 101, syn6[:30], "[malformed]"},

		{"extension headers", 101, ip6(peer6, host6, 0, cat(extension(43, 0), extension(60, 1), extension(tcp, 2), knock)), to6},
		{"authentication header", 101, ip6(peer6, host6, 51, cat([]byte{tcp, 4}, make([]byte, 22), knock)), to6},
		{"a whole fragment", 101, ip6(peer6, host6, 44, ip6Fragment(tcp, 7, 0, false, knock)), to6},
		{"no next header", 101, ip6(peer6, host6, 59, nil), "[of other protocols]"},
		{"extension header without an end", 101, ip6(peer6, host6, 0, extension(tcp, 9)[:40]), "[malformed]"},
		{"half an extension header", 101, ip6(peer6, host6, 60, []byte{6, 0, 1}), "[malformed]"},

		{"UDP", 101, ip4(peer4, host4, udp, udpDatagram(53, 7000, 1, 2)), "to 198.51.100.7:53 udp/7000"},
		{"UDP from port 0", 101, ip4(peer4, host4, udp, udpDatagram(0, 7000)), "to 198.51.100.7:0 udp/7000"},
		{"UDP too long", 101, ip4(peer4, host4, udp, with(udpDatagram(53, 7000), 5, 9)), "[malformed]"},
		{"UDP too short", 101, ip4(peer4, host4, udp, with(udpDatagram(53, 7000), 5, 7)), "[malformed]"},
		{"half a UDP header", 101, ip4(peer4, host4, udp, udpDatagram(53, 7000)[:6]), "[malformed]"},
		{"ping", 101, ip4(peer4, host4, icmp, echo(8, 77, 100)), "to 198.51.100.7:77 ping/0 100 bytes"},
		{"ping with identifier 0", 101, ip4(peer4, host4, icmp, echo(8, 0, 100)), "to 198.51.100.7:0 ping/0 100 bytes"},
		{"ping with options", 101, ip4(peer4, host4, icmp, echo(8, 77, 100), 1, 1, 1, 0), "to 198.51.100.7:77 ping/0 104 bytes"},
		{"IPv6 ping", 101, ip6(peer6, host6, 58, echo(128, 77, 100)), "to [2001:db8:7::7]:77 ping/0 100 bytes"},
		{"ICMPv6 over IPv4", 101, ip4(peer4, host4, 58, echo(128, 77, 100)), "[of other protocols]"},
		{"echo reply to the host", 101, ip4(peer4, host4, icmp, echo(0, 77, 100)), "[of other ICMP types]"},
		{"unreachable", 101, ip4(peer4, host4, icmp, echo(3, 77, 100)), "[of other ICMP types]"},
		{"half an ICMP header", 101, ip4(peer4, host4, icmp, echo(8, 77, 0)[:7]), "[malformed]"},
		{"GRE", 101, ip4(peer4, host4, 47, make([]byte, 20)), "[of other protocols]"},
		{"XMAS", 101, ip4(peer4, host4, tcp, tcpHeader(1, 22, 0x29)), "to 198.51.100.7:1 tcp/22 fin,psh,urg"},
		{"SYN with ECE and CWR", 101, ip4(peer4, host4, tcp, tcpHeader(1, 22, syn|0xc0)), "to 198.51.100.7:1 tcp/22 syn"},
		{"TCP ports alone", 101, ip4(peer4, host4, tcp, knock[:4]), "to 198.51.100.7:40000 tcp/22"},
		{"TCP header cut in the flags", 101, ip4(peer4, host4, tcp, knock[:19]), "to 198.51.100.7:40000 tcp/22"},
		{"TCP header longer than the segment", 101, ip4(peer4, host4, tcp, with(knock, 12, 6<<4)), "to 198.51.100.7:40000 tcp/22"},
		{"TCP header too short", 101, ip4(peer4, host4, tcp, with(knock, 12, 4<<4)), "to 198.51.100.7:40000 tcp/22"},
		{"half a TCP port", 101, ip4(peer4, host4, tcp, knock[:3]), "[malformed]"},

		{"to another host", 101, ip4(peer4, peer4.Next(), tcp, knock), "[of other hosts]"},
		{"broadcast", 101, ip4(peer4, everybody, udp, udpDatagram(68, 67)), "to 198.51.100.7:68 udp/67 broadcast"},
		{"multicast", 101, ip4(peer4, group4, udp, udpDatagram(5353, 5353)), "to 198.51.100.7:5353 udp/5353 broadcast"},
		{"IPv6 multicast", 101, ip6(peer6, group6, udp, udpDatagram(5353, 5353)), "to [2001:db8:7::7]:5353 udp/5353 broadcast"},
		{"subnet broadcast", 1, with(ether(ip4(peer4, subnet4, udp, udpDatagram(1, 2))), 0, 255), "to 198.51.100.7:1 udp/2 broadcast"},
		{"broadcast frame to another host", 1, with(ether(ip4(peer4, peer4.Next(), udp, udpDatagram(1, 2))), 0, 255), "[of other hosts]"},
		{"broadcast frame to the host", 1, with(ether(syn4), 0, 255), to4},
		{"from 0.0.0.0 to all", 101, ip4(netip.IPv4Unspecified(), everybody, udp, udpDatagram(68, 67)), "to 0.0.0.0:68 udp/67 broadcast"},
		{"from 0.0.0.0", 101, ip4(netip.IPv4Unspecified(), host4, tcp, knock), "[from impossible sources]"},
		{"from a group", 101, ip4(group4, host4, tcp, knock), "[from impossible sources]"},
		{"from all", 101, ip4(everybody, host4, tcp, knock), "[from impossible sources]"},
		{"from an IPv6 group", 101, ip6(group6, host6, tcp, knock), "[from impossible sources]"},
		{"from an IPv4 address in IPv6", 101, ip6(netip.AddrFrom16(peer4.As16()), host6, tcp, knock), to4In6},
		{"from 0.1.2.3", 101, ip4(netip.MustParseAddr("0.1.2.3"), host4, tcp, knock), "to 0.1.2.3:40000 tcp/22 syn"},
		{"from loopback", 101, ip4(loopback, host4, tcp, knock), "[from impossible sources]"},
		{"from loopback to a group", 101, ip4(loopback, group4, udp, udpDatagram(1, 2)), "[from impossible sources]"},
		{"from IPv6 loopback", 101, ip6(netip.IPv6Loopback(), host6, tcp, knock), "[from impossible sources]"},
		{"to loopback", 113, cooked(0, ip4(peer4, loopback, tcp, knock)), "[of other hosts]"},
		{"on loopback", 276, cooked2(0, 772, ip4(host4, host4, tcp, knock)), "to 192.0.2.1:40000 tcp/22 syn on lo"},
		{"from the host's own address", 101, ip4(host4, host4, tcp, knock), "[from impossible sources]"},
		{"from the host's own IPv6 address", 101, ip6(host6, host6, tcp, knock), "to [2001:db8::1]:40000 tcp/22 syn"},

		{"SYN/ACK of the host", 101, ip4(host4, peer4, tcp, tcpHeader(22, 40000, syn|ack)), "from 198.51.100.7:40000 tcp/22 syn,ack"},
		{"RST of the host", 101, ip4(host4, peer4, tcp, tcpHeader(22, 40000, rst|ack)), "from 198.51.100.7:40000 tcp/22 rst,ack"},
		{"UDP of the host", 101, ip6(host6, peer6, udp, udpDatagram(53, 40000)), "from [2001:db8:7::7]:40000 udp/53"},
		{"echo reply of the host", 101, ip4(host4, peer4, icmp, echo(0, 77, 9)), "from 198.51.100.7:77 ping/0 9 bytes"},
		{"ping of the host", 101, ip4(host4, peer4, icmp, echo(8, 77, 9)), "[from the host on its own account]"},
		{"multicast of the host", 101, ip4(host4, group4, udp, udpDatagram(5353, 5353)), "[from the host on its own account]"},
		{"broken segment of the host", 101, ip4(host4, peer4, tcp, knock[:4]), "[malformed]"},
		{"empty", 1, nil, "[malformed]"},
		{"cut", 101, cut(syn4, 1), "[malformed]"},
	} {
		packets, stats := read(t, pcapOf(test.link, test.frame), atHost)
		if got := outcome(packets, stats); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// outcome is the packet, or in brackets the reason to leave it out.
func outcome(packets []string, stats capture.Stats) string {
	for reason, n := range stats.LeftOut {
		if n > 0 {
			packets = append(packets, fmt.Sprintf("[%s]", capture.Reason(reason)))
		}
	}
	return strings.Join(packets, "; ")
}

// TestSnapped cuts frames off as tcpdump -s does. What is there of the headers
// is enough, or the packet is left out; nothing is taken for malformed.
func TestSnapped(t *testing.T) {
	for _, frame := range [][]byte{
		ether(ip4(peer4, host4, tcp, tcpHeader(40000, 22, syn), 1, 1, 1, 0)),
		ether(ip6(peer6, host6, 0, cat(extension(60, 0), extension(tcp, 1), tcpHeader(40000, 22, syn))), 0x81, 0, 0, 5),
		ether(ip4(peer4, host4, udp, udpDatagram(40000, 22, 1, 2, 3))),
		ether(ip6(peer6, host6, 58, echo(128, 40000, 22))),
		cooked(0, ip4(peer4, host4, tcp, tcpHeader(40000, 22, syn))),
	} {
		link := uint32(1)
		if frame[0] == 0 {
			link = 113
		}
		whole, _ := read(t, pcapOf(link, frame), atHost)
		for n := range frame {
			c := &classic{order: le, magic: microMagic, link: link}
			c.addAt(0, 0, len(frame), frame[:n])
			packets, stats := read(t, c.bytes(), atHost)
			if stats.LeftOut[capture.Snapped] == 0 && !cmp.Equal(packets, whole) {
				t.Errorf("%x of %x: %s, want %s", frame[:n], frame, outcome(packets, stats), whole)
			}
		}
	}
}

// TestCookedWay leaves it to cooked frames which way they went.
func TestCookedWay(t *testing.T) {
	frame := ip4(peer4, peer4.Next(), tcp, tcpHeader(40000, 22, syn))
	group := ip4(peer4, netip.MustParseAddr("224.0.0.251"), udp, udpDatagram(1, 2))
	subnet := ip4(peer4, netip.MustParseAddr("198.51.100.255"), tcp, tcpHeader(40000, 22, syn))
	for _, test := range []struct {
		packetType uint16
		ip         []byte
		want       string
	}{
		{0, frame, "to 198.51.100.7:40000 tcp/22 syn"},
		{0, group, "to 198.51.100.7:1 udp/2 broadcast"},
		{0, ip4(peer4, netip.MustParseAddr("127.0.0.1"), tcp, tcpHeader(40000, 22, syn)), "[from impossible sources]"},
		{0, ip4(peer4, peer4, tcp, tcpHeader(40000, 22, syn)), "[from impossible sources]"},
		{1, frame, "to 198.51.100.7:40000 tcp/22 syn"},
		{1, subnet, "to 198.51.100.7:40000 tcp/22 syn broadcast"},
		{2, group, "to 198.51.100.7:1 udp/2 broadcast"},
		{3, frame, "[of other hosts]"},
		{4, frame, "from 198.51.100.8:22 tcp/40000 syn"},
		{5, frame, "[of other hosts]"},
	} {
		for link, data := range map[uint32][]byte{113: cooked(test.packetType, test.ip), 276: cooked2(byte(test.packetType), 1, test.ip)} {
			packets, stats := read(t, pcapOf(link, data), capture.Options{})
			if got := outcome(packets, stats); got != test.want {
				t.Errorf("link type %d, packet type %d: %s, want %s", link, test.packetType, got, test.want)
			}
		}
	}
	// The host's address, if given, counts for more.
	packets, stats := read(t, pcapOf(113, cooked(3, ip4(peer4, host4, tcp, tcpHeader(1, 2, syn)))), atHost)
	if got, want := outcome(packets, stats), "to 198.51.100.7:1 tcp/2 syn"; got != want {
		t.Errorf("named host: %s, want %s", got, want)
	}
}

// TestFindHostInBroadcastFrames: what a broadcast frame holds may be for the host alone.
func TestFindHostInBroadcastFrames(t *testing.T) {
	frame := cat(broadcastMAC, peerMAC, []byte{8, 0}, ip4(peer4, host4, tcp, tcpHeader(40000, 22, syn)))
	packets, stats := read(t, pcapOf(1, frame), capture.Options{})
	if got, want := outcome(packets, stats), "to 198.51.100.7:40000 tcp/22 syn"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFindHost(t *testing.T) {
	a, b, c := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	group := netip.MustParseAddr("224.0.0.251")
	type pair struct{ src, dst netip.Addr }
	for _, test := range []struct {
		name  string
		pairs []pair
		want  string // the first packet, or the error
	}{
		{"all to one", []pair{{a, c}, {b, c}}, "to 10.0.0.1"},
		{"one takes part in all", []pair{{a, c}, {c, b}, {b, c}}, "to 10.0.0.1"},
		{"the first is an answer", []pair{{c, a}, {b, c}}, "from 10.0.0.1"},
		{"from one source", []pair{{a, c}, {a, b}}, "from 10.0.0.3"},
		{"groups do not count", []pair{{a, c}, {b, group}, {b, c}}, "to 10.0.0.1"},
		{"each family has its own", []pair{{peer6, host6}, {a, c}, {b, c}}, "to 2001:db8:7::7"},
		{"two who talk", []pair{{a, b}, {b, a}, {a, b}},
			"it is not clear which packets arrive at the host; most go to 10.0.0.2 (2), 10.0.0.1 (1); give the host's address"},
		{"many", []pair{{a, b}, {b, a}, {a, b}, {c, a}, {a, c}, {peer4, a}, {peer4, host4}},
			"it is not clear which packets arrive at the host; most go to 10.0.0.1 (3), 10.0.0.2 (2), 10.0.0.3 (1); give the host's address"},
		{"nobody", nil, ""},
	} {
		var frames [][]byte
		for _, p := range test.pairs {
			if p.src.Is4() {
				frames = append(frames, ip4(p.src, p.dst, tcp, tcpHeader(1, 2, syn)))
			} else {
				frames = append(frames, ip6(p.src, p.dst, tcp, tcpHeader(1, 2, syn)))
			}
		}
		data := pcapOf(101, frames...)
		s, err := openData(data, capture.Options{})
		var unknown *capture.UnknownHostError
		if errors.As(err, &unknown) {
			if err.Error() != test.want {
				t.Errorf("%s: %v, want %s", test.name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var p sim.Packet
		kind, err := s.Next(&p)
		got := ""
		if err == nil {
			got = strings.Fields(show(kind, &p))[0] + " " + p.Src.String()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestUnanswered takes what is accepted for answered only if the capture holds no
// answers at all.
func TestUnanswered(t *testing.T) {
	in := ip4(peer4, host4, tcp, tcpHeader(40000, 22, syn))
	out := ip4(host4, peer4, tcp, tcpHeader(22, 40000, syn|ack))
	for _, test := range []struct {
		frames [][]byte
		o      capture.Options
		want   bool
	}{
		{[][]byte{in}, atHost, false},
		{[][]byte{in, in}, capture.Options{}, false},
		{[][]byte{in, out}, atHost, true},
		{[][]byte{in, ip4(peer4.Next(), host4, tcp, tcpHeader(1, 2, syn)), out}, capture.Options{}, true},
	} {
		s, err := openData(pcapOf(101, test.frames...), test.o)
		if err != nil {
			t.Fatal(err)
		}
		var p sim.Packet
		if _, err := s.Next(&p); err != nil || p.Unanswered != test.want {
			t.Errorf("%d frames: unanswered = %v, %v, want %v", len(test.frames), p.Unanswered, err, test.want)
		}
	}
}

func TestStatsString(t *testing.T) {
	s := capture.Stats{Records: 12, ToHost: 3, FromHost: 2, Short: 1, Incomplete: 1, Backwards: 2}
	s.LeftOut[capture.NotIP], s.LeftOut[capture.Fragment] = 4, 3
	const want = "12 recorded: 3 to the host, 2 from it; left out: 4 not IP, 3 fragments; " +
		"broken TCP headers: 1, incomplete datagrams: 1, out of order: 2"
	if got := s.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	const wantAt = "4 recorded: 1 to the host, 0 from it, 2 to addresses of `at`, 1 from them"
	if got := (capture.Stats{Records: 4, ToHost: 1, ToAt: 2, FromAt: 1}).String(); got != wantAt {
		t.Errorf("%s, want %s", got, wantAt)
	}
}
