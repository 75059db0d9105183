package capture_test

import (
	"net/netip"
	"strings"
	"testing"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// part is a fragment of a datagram: the bytes [from, to), of which the last is the
// datagram's last unless there are more.
type part struct {
	from, to int
	more     bool
	at       uint32 // seconds
}

// parts builds a capture of fragments of a payload, over IPv4 or IPv6.
func parts(v6 bool, proto byte, payload []byte, parts ...part) []byte {
	c := &classic{order: le, magic: microMagic, link: 101}
	src, dst := peer4, host4
	if v6 {
		src, dst = peer6, host6
	}
	for _, p := range parts {
		frame := p.frame(src, dst, proto, 7, payload)
		c.addAt(p.at, 0, len(frame), frame)
	}
	return c.bytes()
}

func (p part) frame(src, dst netip.Addr, proto byte, id uint16, payload []byte) []byte {
	data := append(payload, make([]byte, max(0, p.to-len(payload)))...)[p.from:p.to]
	if src.Is4() {
		return ip4Fragment(src, dst, proto, id, p.from, p.more, data)
	}
	return ip6(src, dst, 44, ip6Fragment(proto, uint32(id), p.from, p.more, data))
}

// fragmentTest is a datagram of 100 bytes in fragments.
type fragmentTest struct {
	name  string
	not   string // the family that it is not about
	parts []part
	want  string
}

const both, no4, no6 = "", "4", "6"

var fragmentTests = []fragmentTest{
	{"in order", both, []part{{0, 48, true, 0}, {48, 100, false, 0}}, "whole; [fragments]"},
	{"last first", both, []part{{48, 100, false, 0}, {0, 48, true, 0}}, "whole; [fragments]"},
	{"three", both, []part{{8, 16, true, 0}, {16, 100, false, 0}, {0, 8, true, 0}}, "whole; [fragments]"},
	{"a repeated one", both, []part{{0, 48, true, 0}, {0, 48, true, 0}, {48, 100, false, 0}}, "whole; [fragments]"},
	{"one within another", both, []part{{0, 48, true, 0}, {8, 16, true, 0}, {48, 100, false, 0}}, "whole; [fragments]"},
	{"one missing", both, []part{{0, 48, true, 0}, {56, 100, false, 0}}, "[fragments]"},
	{"the first missing", both, []part{{8, 48, true, 0}, {48, 100, false, 0}}, "[fragments]"},
	{"the last missing", both, []part{{0, 48, true, 0}, {48, 96, true, 0}}, "[fragments]"},
	{"overlap", both, []part{{0, 48, true, 0}, {40, 100, false, 0}}, "[fragments]; [overlapping fragments]"},
	{"overlap, and what is missing then", both, []part{{0, 48, true, 0}, {40, 100, false, 0}, {48, 100, false, 0}},
		"[fragments]; [overlapping fragments]"},
	{"overlap, and all anew", both, []part{{0, 48, true, 0}, {40, 100, false, 0}, {48, 100, false, 0}, {0, 48, true, 0}},
		"whole; [fragments]; [overlapping fragments]"},
	{"two ends", both, []part{{48, 100, false, 0}, {48, 99, false, 0}}, "[fragments]; [overlapping fragments]"},
	{"more behind the end", both, []part{{48, 100, false, 0}, {104, 112, true, 0}}, "[fragments]; [overlapping fragments]"},
	{"an end before what was there", both, []part{{48, 96, true, 0}, {8, 40, false, 0}}, "[fragments]; [overlapping fragments]"},
	{"nothing in it", both, []part{{48, 48, true, 0}}, "[overlapping fragments]"},
	{"no multiple of 8", no6, []part{{0, 52, true, 0}, {48, 100, false, 0}}, "whole; [fragments]"},
	{"no multiple of 8", no4, []part{{0, 52, true, 0}, {48, 100, false, 0}}, "[malformed]; [fragments]"},
	{"headers not in the first", no4, []part{{0, 0, true, 0}, {0, 100, false, 0}}, "whole; [malformed]"},
	{"too long", no6, []part{{65528, 65536, false, 0}}, "[overlapping fragments]"},
	{"too long", no4, []part{{65528, 65536, false, 0}}, "[malformed]"},
	{"in time", no6, []part{{0, 48, true, 0}, {48, 100, false, 29}}, "whole; [fragments]"},
	{"too late", no6, []part{{0, 48, true, 0}, {48, 100, false, 30}}, "[fragments]"},
	{"the time runs from the first one", no6, []part{{0, 48, true, 0}, {48, 56, true, 29}, {56, 100, false, 31}}, "[fragments]"},
	{"in time", no4, []part{{0, 48, true, 0}, {48, 100, false, 59}}, "whole; [fragments]"},
	{"too late", no4, []part{{0, 48, true, 0}, {48, 100, false, 60}}, "[fragments]"},
}

func TestFragments(t *testing.T) {
	data := udpDatagram(40000, 22, make([]byte, 92)...)
	for _, test := range fragmentTests {
		for _, family := range []string{"4", "6"} {
			if test.not == family {
				continue
			}
			packets, stats := read(t, parts(family == "6", udp, data, test.parts...), atHost)
			got := outcome(packets, stats)
			got = strings.NewReplacer("to 198.51.100.7:40000 udp/22", "whole", "to [2001:db8:7::7]:40000 udp/22", "whole").Replace(got)
			if got != test.want {
				t.Errorf("%s, IPv%s: %s, want %s", test.name, family, got, test.want)
			}
		}
	}
}

// TestFragmentedHeader parts a TCP header in the middle, and options follow the IPv6
// fragment header.
func TestFragmentedHeader(t *testing.T) {
	packets, stats := read(t, parts(false, tcp, tcpHeader(40000, 22, syn), part{0, 8, true, 0}, part{8, 20, false, 0}), atHost)
	if got, want := outcome(packets, stats), "to 198.51.100.7:40000 tcp/22 syn; [fragments]"; got != want {
		t.Errorf("IPv4: %s, want %s", got, want)
	}
	payload := cat(extension(tcp, 1), tcpHeader(40000, 22, syn), make([]byte, 4))
	packets, stats = read(t, parts(true, 60, payload, part{0, 40, true, 0}, part{40, 44, false, 0}), atHost)
	if got, want := outcome(packets, stats), "to [2001:db8:7::7]:40000 tcp/22 syn; [fragments]"; got != want {
		t.Errorf("IPv6: %s, want %s", got, want)
	}
	packets, stats = read(t, parts(true, 60, payload, part{0, 32, true, 0}, part{32, 44, false, 0}), atHost)
	if got, want := outcome(packets, stats), "[malformed]; [fragments]"; got != want {
		t.Errorf("IPv6, headers not all in the first: %s, want %s", got, want)
	}
}

// TestFragmentedPing is as long as the whole of it.
func TestFragmentedPing(t *testing.T) {
	packets, _ := read(t, parts(false, icmp, echo(8, 77, 3000), part{0, 1480, true, 0}, part{1480, 3008, false, 0}), atHost)
	if got, want := strings.Join(packets, "; "), "to 198.51.100.7:77 ping/0 3000 bytes"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFragmentFlood begins more datagrams than there is room for.
func TestFragmentFlood(t *testing.T) {
	const n = 5000
	c := &classic{order: le, magic: microMagic, link: 101}
	add := func(at uint32, id int) {
		frame := ip4Fragment(netip.AddrFrom4([4]byte{10, 0, byte(id >> 8), byte(id)}), host4, udp, uint16(id), 0, true, make([]byte, 8))
		c.addAt(at, 0, len(frame), frame)
	}
	for id := range n {
		add(0, id)
	}
	for id := range n {
		add(31, id)
	}
	_, stats := read(t, c.bytes(), atHost)
	const kept = 2048
	if got, want := stats.LeftOut[capture.Flooded], 2*(n-kept); got != want {
		t.Errorf("%d fragments too many, want %d", got, want)
	}
	if got, want := stats.Incomplete, 2*kept; got != want {
		t.Errorf("%d incomplete datagrams, want %d", got, want)
	}
}

// TestFragmentsInterleaved keeps datagrams apart by source, destination, identifier and
// protocol.
func TestFragmentsInterleaved(t *testing.T) {
	data := udpDatagram(40000, 22, 1, 2, 3, 4, 5, 6, 7, 8)
	c := &classic{order: le, magic: microMagic, link: 101}
	for _, first := range []bool{true, false} {
		for id := range uint16(3) {
			for _, src := range []netip.Addr{peer4, peer4.Next()} {
				if first {
					c.add(ip4Fragment(src, host4, udp, id, 0, true, data[:8]))
				} else {
					c.add(ip4Fragment(src, host4, udp, id, 8, false, data[8:]))
				}
			}
		}
	}
	s, err := openData(c.bytes(), atHost)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for p := (sim.Packet{}); ; n++ {
		if _, err := s.Next(&p); err != nil {
			break
		}
		if want := int64(6 + n); p.Time.Nanoseconds() != want*1e9 {
			t.Errorf("datagram %d at %s, want %ds", n, p.Time, want)
		}
	}
	if n != 6 {
		t.Errorf("%d datagrams, want 6", n)
	}
}
