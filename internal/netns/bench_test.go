//go:build linux

package netns

import (
	"net/netip"
	"testing"
)

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		h, err := open("eth0")
		if err != nil {
			b.Fatal(err)
		}
		h.Close()
	}
}

func BenchmarkJiffy(b *testing.B) {
	for b.Loop() {
		Jiffy()
	}
}

func BenchmarkSend(b *testing.B) {
	for name, src := range sources {
		for _, test := range []struct {
			name  string
			rules string
			p     Packet
		}{
			{"dropped", "tcp dport 22 drop", Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN}},
			{"accepted", "accept", Packet{Src: src, SrcPort: 40000, Proto: UDP, DstPort: 53, Silent: true}},
			{"answered", "ct state new accept", Packet{Src: src, SrcPort: 40000, Proto: UDP, DstPort: 53}},
			{"ping", "accept", Packet{Src: src, SrcPort: 40000, Proto: Ping, Length: 56}},
			{"long-ping", "accept", Packet{Src: src, SrcPort: 40000, Proto: Ping, Length: maxEcho}},
			{"silent-ping", "accept", Packet{Src: src, SrcPort: 40000, Proto: Ping, Silent: true}},
		} {
			b.Run(name+"/"+test.name, func(b *testing.B) {
				h := New(b, "eth0")
				listen(b, h, UDP, 53)
				load(b, h, "table inet t { chain c { type filter hook input priority -10; "+test.rules+"; }; }")
				for b.Loop() {
					send(b, h, test.p)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
			})
		}
	}
}

func BenchmarkFlood(b *testing.B) {
	for name, src := range sources {
		b.Run(name, func(b *testing.B) {
			h := New(b, "eth0")
			load(b, h, "table inet t { chain c { type filter hook input priority -10; ct state new drop; }; }")
			b.ResetTimer()
			flood(b, h, spoofed(Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN}, b.N), b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}

// BenchmarkSources changes the source with every packet.
func BenchmarkSources(b *testing.B) {
	h := New(b, "eth0")
	listen(b, h, TCP, 22)
	load(b, h, "table inet t { chain c { type filter hook input priority -10; ct state invalid drop; }; }")
	n := uint32(0)
	for b.Loop() {
		n++
		src := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)})
		send(b, h, Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}
