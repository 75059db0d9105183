package spec

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// probe is what a scan sends to a port. The names of those of TCP are nmap's.
type probe struct {
	name   string
	packet func(src, dst netip.AddrPort) []byte
}

func flagProbe(name string, flags lang.Flags) probe {
	return probe{name, func(src, dst netip.AddrPort) []byte {
		return segment{src: src, dst: dst, flags: flags, seq: 4711, ack: uint32(flags&lang.ACK) * 1000}.packet()
	}}
}

var (
	synScan = flagProbe("-sS", lang.SYN)
	maimon  = flagProbe("-sM", lang.FIN|lang.ACK)
	udpScan = probe{"-sU", func(src, dst netip.AddrPort) []byte { return datagram{src: src, dst: dst}.packet() }}
	probes  = []probe{
		synScan, maimon, udpScan,
		flagProbe("-sF", lang.FIN), flagProbe("-sN", 0), flagProbe("-sX", lang.FIN|lang.PSH|lang.URG), flagProbe("-sA", lang.ACK),
		flagProbe("SYN/ACK", lang.SYN|lang.ACK), flagProbe("RST", lang.RST), flagProbe("SYN with ECN", lang.SYN|0xc0),
	}
)

// scanned is what a policy looks like from outside.
type scanned struct {
	policy   string
	probes   []probe
	standOut map[string][]uint16 // the ports, by probe; "" is for all others
}

const scannedKnock = "knock ssh < 10000 2345 3456 1234 -> 22 within 5s grant 10s close 4321 5432"

var scans = map[string]scanned{
	"a service of its own": {
		scannedKnock + " >", probes,
		map[string][]uint16{"": {22}, "RST": {}, "-sU": {}},
	},
	"reset any": {
		scannedKnock + " reset any >", []probe{synScan, maimon},
		map[string][]uint16{"": {22}},
	},
	"once, reset known, revoke": {
		scannedKnock + " once reset known revoke >", []probe{synScan},
		map[string][]uint16{"": {22}},
	},
	"refuse reject": { // what may belong to a connection is not answered
		"refuse reject\n" + scannedKnock + " >", probes,
		map[string][]uint16{"": {22}, "-sS": {}, "SYN with ECN": {}, "-sA": {}, "RST": {}, "-sU": {}},
	},
	"default drop": { // an open port answers some probes, and not others
		"default drop\nopen 80\n" + scannedKnock + " >", probes,
		map[string][]uint16{"": {}, "-sS": {80}, "SYN with ECN": {80}, "-sA": {80}, "-sM": {80}, "SYN/ACK": {80}},
	},
	"default drop, refuse reject": {
		"default drop\nrefuse reject\nopen 80\n" + scannedKnock + " >", probes,
		map[string][]uint16{"": {}, "-sS": {22, 80}, "SYN with ECN": {22, 80}, "-sA": {22, 80}, "-sM": {80}, "SYN/ACK": {80}},
	},
	"datagrams": {
		"knock vpn < udp/10000 udp/2345 udp/3456 -> udp/5182 close udp/4321 udp/5432 >", []probe{udpScan},
		map[string][]uint16{"": {5182}},
	},
	"datagrams, refuse reject": {
		"refuse reject\nknock vpn < udp/10000 udp/2345 udp/3456 -> udp/5182 close udp/4321 udp/5432 >", []probe{udpScan},
		map[string][]uint16{"": {}},
	},
}

// TestScanOnKernel: to one who scans, no step looks any other than a port that nobody
// names.
func TestScanOnKernel(t *testing.T) {
	for name, s := range scans {
		for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
			for _, p := range s.probes {
				t.Run(fmt.Sprintf("%s %s %s", name, p.name, family), func(t *testing.T) {
					t.Parallel()
					s.scan(t, v6, p, somePorts)
				})
			}
		}
	}
}

// TestWholeScanOnKernel scans all ports.
func TestWholeScanOnKernel(t *testing.T) {
	for name, p := range map[string]probe{"a service of its own": synScan, "reset any": synScan, "refuse reject": maimon, "default drop, refuse reject": synScan} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scans[name].scan(t, false, p, func(yield func(uint16) bool) {
				for port := 1; port < 1<<16 && yield(uint16(port)); port++ {
				}
			})
		})
	}
}

// somePorts are all that the policies name, and enough others to see what is usual.
func somePorts(yield func(uint16) bool) {
	for _, middle := range []uint16{50, 1234, 2345, 3456, 4321, 5182, 5432, 10000, 65400} {
		for port := middle - 49; port < middle+50; port++ {
			if !yield(port) {
				return
			}
		}
	}
}

func (s scanned) scan(t *testing.T, v6 bool, p probe, ports iter.Seq[uint16]) {
	t.Helper()
	h, _ := edgeHost(t, s.policy, "")
	for _, port := range []uint16{22, 80} {
		if port == 80 && !strings.Contains(s.policy, "open 80") {
			continue
		}
		if err := h.Listen(netns.TCP, port); err != nil {
			t.Fatal(err)
		}
	}
	want, ok := s.standOut[p.name]
	if !ok {
		want = s.standOut[""]
	}
	if got := scan(t, h, v6, p, ports); !slices.Equal(got.odd, want) {
		t.Errorf("%v stand out, want %v; the others: %s", got.odd, want, got.usual)
	}
}

// view is how most ports look to a scan, and which look different.
type view struct {
	usual string
	odd   []uint16
}

// scan sends a probe to each port, and some more to those that do not answer if the others
// do: an answer may be late.
func scan(t *testing.T, h *netns.Host, v6 bool, p probe, ports iter.Seq[uint16]) (v view) {
	t.Helper()
	src := callers.Of(v6, 50000)
	probed := func(port uint16) string {
		dst := callees.Of(v6, port)
		packets, err := h.Write("eth0", p.packet(src, dst))
		if err != nil {
			t.Fatal(err)
		}
		return look(packets, src, dst)
	}
	looks := map[string][]uint16{}
	for port := range ports {
		look := probed(port)
		looks[look] = append(looks[look], port)
	}
	for look, ports := range looks {
		if len(ports) > len(looks[v.usual]) {
			v.usual = look
		}
	}
	for range 3 {
		looks[""] = slices.DeleteFunc(looks[""], func(port uint16) bool { return v.usual != "" && probed(port) == v.usual })
	}
	for look, ports := range looks {
		if look != v.usual {
			v.odd = append(v.odd, ports...)
		}
	}
	slices.Sort(v.odd)
	return v
}

// look is what can be told of the answers to a probe, without what differs from one to the
// next anyway.
func look(packets [][]byte, src, dst netip.AddrPort) string {
	text := ""
	for _, b := range packets {
		s, ok := readSegment(b)
		switch {
		case ok && s.src == dst:
			text += fmt.Sprintf("%v, window %d, %d bytes, ", s.flags, s.window, len(b))
		case ok:
			continue // a SYN/ACK that is sent again
		}
		a, ttl, proto := header(b)
		if a != src.Addr() {
			continue
		}
		text += fmt.Sprintf("protocol %d, TTL %d\n", proto, ttl)
		switch proto {
		case protoICMP:
			text += fmt.Sprintf("type %d, code %d, %d bytes\n", b[20], b[21], len(b))
		case protoICMPv6:
			text += fmt.Sprintf("type %d, code %d, %d bytes\n", b[40], b[41], len(b))
		}
	}
	return text
}
