package capture_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

var (
	inner4, inner6 = netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("2001:db8:a::5")
	behind         = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8:a::/64"), netip.MustParsePrefix("198.19.0.0/24")}
	atRouter       = capture.Options{Hosts: hosts, At: behind}
	innerMAC       = []byte{2, 0, 0, 0, 0, 5}
	routerMAC      = []byte{2, 0, 0, 0, 0, 2} // on the inner side
)

// TestElsewhere reads packets to and from hosts to which the host forwards.
func TestElsewhere(t *testing.T) {
	other4 := netip.MustParseAddr("10.0.1.5")
	segment := tcpHeader(40000, 445, syn)
	for _, test := range []struct {
		name string
		ip   []byte
		want string
	}{
		{"to one", ip4(peer4, inner4, tcp, segment), "to 198.51.100.7:40000 tcp/445 syn at 10.0.0.5"},
		{"to one, over IPv6", ip6(peer6, inner6, udp, udpDatagram(1, 2)), "to [2001:db8:7::7]:1 udp/2 at 2001:db8:a::5"},
		{"ping", ip4(peer4, inner4, icmp, echo(8, 77, 9)), "to 198.51.100.7:77 ping/0 9 bytes at 10.0.0.5"},
		{"from one", ip4(inner4, peer4, tcp, tcpHeader(445, 40000, syn|ack)), "from 198.51.100.7:40000 tcp/445 syn,ack at 10.0.0.5"},
		{"pong", ip4(inner4, peer4, icmp, echo(0, 77, 9)), "from 198.51.100.7:77 ping/0 9 bytes at 10.0.0.5"},
		{"ping of one", ip4(inner4, peer4, icmp, echo(8, 77, 9)), "[from the host on its own account]"},
		{"from one to the host", ip4(inner4, host4, tcp, segment), "to 10.0.0.5:40000 tcp/445 syn"},
		{"from the host to one", ip4(host4, inner4, tcp, segment), "from 10.0.0.5:445 tcp/40000 syn"},
		{"from one to another", ip4(inner4, inner4.Next(), tcp, segment), "between 10.0.0.5:40000 tcp/445 syn at 10.0.0.6"},
		{"ping from one to another", ip4(inner4, inner4.Next(), icmp, echo(8, 77, 9)), "to 10.0.0.5:77 ping/0 9 bytes at 10.0.0.6"},
		{"pong from one to another", ip4(inner4, inner4.Next(), icmp, echo(0, 77, 9)), "from 10.0.0.6:77 ping/0 9 bytes at 10.0.0.5"},
		{"from one to a group", ip4(inner4, netip.MustParseAddr("224.0.0.251"), udp, udpDatagram(1, 2)), "to 10.0.0.5:1 udp/2 broadcast"},
		{"to a host beside them", ip4(peer4, other4, tcp, segment), "[of other hosts]"},
		{"to the host", ip4(peer4, host4, tcp, segment), "to 198.51.100.7:40000 tcp/445 syn"},
	} {
		frames := [][]byte{test.ip, ip4(peer4, host4, tcp, tcpHeader(1, 2, syn))}
		packets, stats := read(t, pcapOf(101, frames...), atRouter)
		first, last := packets[:len(packets)-1], packets[len(packets)-1]
		if got := outcome(slices.Clone(first), stats); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if last != "to 198.51.100.7:1 tcp/2 syn" {
			t.Errorf("%s, and then to the host itself: %s", test.name, last)
		}
	}
}

// hop is a datagram whose time to live is less by some routers.
func hop(ip []byte, hops byte) []byte {
	ip = bytes.Clone(ip)
	if ip[0]>>4 == 4 {
		ip[8] -= hops
	} else {
		ip[7] -= hops
	}
	return ip
}

// TestOwnAt: an address that the policy has by `at` may be the host's own. Packets to it are
// to the host and to that address.
func TestOwnAt(t *testing.T) {
	c := &classic{order: le, magic: microMagic, link: 101}
	c.addAt(0, 0, 40, ip4(peer4, host4, tcp, tcpHeader(40000, 445, syn)))
	c.addAt(0, 1, 40, ip4(host4, peer4, tcp, tcpHeader(445, 40000, syn|ack)))
	at := capture.Options{Hosts: []netip.Addr{host4}, At: []netip.Prefix{netip.PrefixFrom(host4, 32)}}
	source, err := openData(c.bytes(), at)
	if err != nil {
		t.Fatal(err)
	}
	var p sim.Packet
	for _, want := range []capture.Kind{capture.ToHost, capture.FromHost} {
		kind, err := source.Next(&p)
		if err != nil || kind != want || p.To != host4 || !p.Own || p.GoesOn() {
			t.Errorf("kind %d, to %v, own: %v; %v", kind, p.To, p.Own, err)
		}
	}
}

// TestCopies: a packet that was recorded when it came, and again when it went on, counts
// once.
func TestCopies(t *testing.T) {
	segment := tcpHeader(40000, 445, syn)
	in := func(ip []byte) []byte { return cat(hostMAC, peerMAC, etherType(ip), ip) }
	out := func(ip []byte) []byte { return cat(innerMAC, routerMAC, etherType(ip), ip) }
	syn4, syn6 := ip4(peer4, inner4, tcp, segment), ip6(peer6, inner6, tcp, segment)
	answer := ip4(inner4, peer4, tcp, tcpHeader(445, 40000, syn|ack))
	const to4, copied = "to 198.51.100.7:40000 tcp/445 syn at 10.0.0.5", "[copies of forwarded packets]"
	const to6 = "to [2001:db8:7::7]:40000 tcp/445 syn at 2001:db8:a::5"
	otherChecksum := bytes.Clone(syn4)
	otherChecksum[36] = 1
	checksums := bytes.Clone(ip4(peer4, inner4, udp, udpDatagram(1, 2)))
	checksums[26] = 1
	fragment := func(offset int, more bool) []byte {
		return ip4Fragment(peer4, inner4, udp, 9, offset, more, udpDatagram(1, 2, make([]byte, 16)...)[offset:offset+8*(1+offset/16)])
	}
	first, last := fragment(0, true), ip4Fragment(peer4, inner4, udp, 9, 8, false, make([]byte, 16))
	for _, test := range []struct {
		name   string
		link   uint32
		frames [][]byte
		want   string
	}{
		{"on two wires", 1, [][]byte{in(syn4), out(hop(syn4, 1))}, to4 + "; " + copied},
		{"IPv6", 1, [][]byte{in(syn6), out(hop(syn6, 1))}, to6 + "; " + copied},
		{"in the other order", 1, [][]byte{out(hop(syn4, 1)), in(syn4)}, to4 + "; " + copied},
		{"with another checksum", 1, [][]byte{in(syn4), out(hop(otherChecksum, 1))}, to4 + "; " + copied},
		{"a datagram with another checksum", 1, [][]byte{in(ip4(peer4, inner4, udp, udpDatagram(1, 2))), out(hop(checksums, 1))}, "to 198.51.100.7:1 udp/2 at 10.0.0.5; " + copied},
		{"an answer", 1, [][]byte{out(answer), in(hop(answer, 1))}, "from 198.51.100.7:40000 tcp/445 syn,ack at 10.0.0.5; " + copied},
		{"fragments", 1, [][]byte{in(first), out(hop(first, 1)), in(last), out(hop(last, 1))}, "to 198.51.100.7:1 udp/2 at 10.0.0.5; " + copied + "; [fragments]"},
		{"sent again", 1, [][]byte{in(syn4), in(syn4)}, to4 + "; " + to4},
		{"sent again by another way", 1, [][]byte{in(syn4), in(hop(syn4, 1))}, to4 + "; " + to4},
		{"two routers away", 1, [][]byte{in(syn4), out(hop(syn4, 2))}, to4 + "; " + to4},
		{"to the host", 1, [][]byte{in(ip4(peer4, host4, tcp, segment)), out(hop(ip4(peer4, host4, tcp, segment), 1))},
			"to 198.51.100.7:40000 tcp/445 syn; to 198.51.100.7:40000 tcp/445 syn"},
		{"cooked", 113, [][]byte{cooked(0, syn4), cooked(4, hop(syn4, 1))}, to4 + "; " + copied},
		{"cooked 2", 276, [][]byte{cooked2(0, 1, syn6), cooked2(4, 1, hop(syn6, 1))}, to6 + "; " + copied},
		{"cooked, and both came", 113, [][]byte{cooked(0, syn4), cooked(0, hop(syn4, 1))}, to4 + "; " + to4},
		{"cooked, and it went on alone", 113, [][]byte{cooked(4, answer)}, "from 198.51.100.7:40000 tcp/445 syn,ack at 10.0.0.5"},
		{"on one raw interface", 101, [][]byte{syn4, hop(syn4, 1)}, to4 + "; " + to4},
	} {
		c := &classic{order: le, magic: microMagic, link: test.link}
		for i, f := range test.frames {
			c.addAt(0, uint32(i), len(f), f)
		}
		packets, stats := read(t, c.bytes(), atRouter)
		if got := outcome(packets, stats); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	for want, options := range map[string]capture.Options{to4 + "; " + copied: atRouter, "[of other hosts]": atHost} {
		n := &ng{order: le}
		n.section()
		n.iface(101, 0)
		n.iface(101, 0)
		n.enhanced(0, 0, syn4)
		n.enhanced(1, 5, hop(syn4, 1))
		packets, stats := read(t, n.b, options)
		if got := outcome(packets, stats); got != want {
			t.Errorf("on two raw interfaces: %s, want %s", got, want)
		}
	}
}

// TestLateCopy: a packet that comes much later, or after very many others, is another.
func TestLateCopy(t *testing.T) {
	frame := ip4(peer4, inner4, tcp, tcpHeader(40000, 445, syn))
	for _, test := range []struct {
		later  uint32 // in microseconds
		others int
		copies int
	}{{1_000_000, 0, 1}, {1_000_001, 0, 0}, {5000, 4095, 1}, {5000, 4096, 0}} {
		c := &classic{order: le, magic: microMagic, link: 113}
		add := func(at uint32, frame []byte) { c.addAt(at/1_000_000, at%1_000_000, len(frame), frame) }
		add(0, cooked(0, frame))
		for i := range test.others {
			add(uint32(i), cooked(0, ip4(peer4, inner4, tcp, tcpHeader(uint16(i), 445, syn))))
		}
		add(test.later, cooked(4, hop(frame, 1)))
		if _, stats := read(t, c.bytes(), atRouter); stats.LeftOut[capture.Forwarded] != test.copies {
			t.Errorf("%+v: %s", test, stats)
		}
	}
}

// TestFindRouter: packets to and from hosts behind the host do not tell which it is, and
// neither do cooked frames.
func TestFindRouter(t *testing.T) {
	in, on, back := ip4(peer4, host4, tcp, tcpHeader(1, 2, syn)), ip4(peer4, inner4, tcp, tcpHeader(3, 4, syn)), ip4(inner4, peer4, tcp, tcpHeader(4, 3, syn|ack))
	const toHost, toInner, fromInner = "to 198.51.100.7:1 tcp/2 syn", "to 198.51.100.7:3 tcp/4 syn at 10.0.0.5", "from 198.51.100.7:3 tcp/4 syn,ack at 10.0.0.5"
	for _, test := range []struct {
		name   string
		frames [][]byte
		want   []string // nil: it does not tell
	}{
		{"with the host", [][]byte{in, on, back, in}, []string{toHost, toInner, fromInner, toHost}},
		{"without it", [][]byte{on, back}, []string{toInner, fromInner}},
		{"with others", [][]byte{in, on, ip4(peer4, peer4.Next(), tcp, tcpHeader(1, 2, syn)), ip4(peer4.Next(), host4, tcp, tcpHeader(1, 2, syn))}, nil},
	} {
		for link, frame := range map[uint32]func([]byte) []byte{101: func(ip []byte) []byte { return ip }, 113: func(ip []byte) []byte { return cooked(0, ip) }} {
			var frames [][]byte
			for _, f := range test.frames {
				frames = append(frames, frame(f))
			}
			data, o := pcapOf(link, frames...), capture.Options{At: behind}
			_, err := openData(data, o)
			if unknown := (*capture.UnknownHostError)(nil); test.want == nil && errors.As(err, &unknown) {
				continue
			}
			packets, _ := read(t, data, o)
			if diff := cmp.Diff(test.want, packets); diff != "" {
				t.Errorf("%s, link type %d (-want +got):\n%s", test.name, link, diff)
			}
		}
	}
}

// TestUnansweredElsewhere: if hosts behind the host answer, the capture holds answers.
func TestUnansweredElsewhere(t *testing.T) {
	in, out := ip4(peer4, inner4, tcp, tcpHeader(40000, 22, syn)), ip4(inner4, peer4, tcp, tcpHeader(22, 40000, syn|ack))
	for _, test := range []struct {
		frames [][]byte
		want   bool
	}{{[][]byte{in}, false}, {[][]byte{in, out}, true}} {
		s, err := openData(pcapOf(101, test.frames...), capture.Options{At: behind})
		if err != nil {
			t.Fatal(err)
		}
		var p sim.Packet
		if _, err := s.Next(&p); err != nil || p.Unanswered != test.want {
			t.Errorf("%d frames: unanswered = %v, %v, want %v", len(test.frames), p.Unanswered, err, test.want)
		}
	}
}
