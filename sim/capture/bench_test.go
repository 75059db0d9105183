package capture_test

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// benchCapture holds SYNs of many sources to the host, Ethernet, in a pcap file.
func benchCapture(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	c := &classic{order: le, magic: microMagic, link: 1}
	for i := range n {
		src := netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		frame := ether(ip4(src, host4, tcp, tcpHeader(uint16(1024+r.IntN(60000)), uint16(1+r.IntN(65535)), syn)))
		c.addAt(uint32(i/1000), uint32(i%1000*1000), len(frame), frame)
	}
	return c.bytes()
}

const benchPackets = 200_000

// ngCapture is the same as a pcap capture in pcapng.
func ngCapture(data []byte) []byte {
	n := &ng{order: le}
	n.section()
	n.iface(1, 0)
	for data = data[24:]; len(data) > 0; {
		sec, usec, size := le.Uint32(data), le.Uint32(data[4:]), le.Uint32(data[8:])
		n.enhanced(0, uint64(sec)*1e6+uint64(usec), data[16:16+size])
		data = data[16+size:]
	}
	return n.b
}

// BenchmarkRead reads a capture without replaying it: the ceiling for what does.
// Looking for the host and its answers before is not counted.
func BenchmarkRead(b *testing.B) {
	data := benchCapture(benchPackets)
	for name, data := range map[string][]byte{"pcap": data, "pcapng": ngCapture(data)} {
		b.Run(name, func(b *testing.B) {
			var s *capture.Source
			rounds(b, func() {
				var err error
				if s, err = openData(data, atHost); err != nil {
					b.Fatal(err)
				}
			}, func() {
				if _, err := s.Next(&scratch); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkOpen looks through a whole capture: for the host, and for answers that are
// not there.
func BenchmarkOpen(b *testing.B) {
	data := benchCapture(benchPackets)
	for name, o := range map[string]capture.Options{"find-host": {}, "find-answers": atHost} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := openData(data, o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*benchPackets/b.Elapsed().Seconds()/1e6, "Mpackets/s")
		})
	}
}

// BenchmarkGopacket decodes the same packets with gopacket's fastest parser.
func BenchmarkGopacket(b *testing.B) {
	data := benchCapture(benchPackets)
	var ethernet layers.Ethernet
	var ip layers.IPv4
	var segment layers.TCP
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &ip, &segment)
	var decoded []gopacket.LayerType
	var r *pcapgo.Reader
	rounds(b, func() {
		var err error
		if r, err = pcapgo.NewReader(bufio.NewReaderSize(bytes.NewReader(data), 256<<10)); err != nil {
			b.Fatal(err)
		}
	}, func() {
		frame, info, err := r.ZeroCopyReadPacketData()
		if err != nil {
			b.Fatal(err)
		}
		if err := parser.DecodeLayers(frame, &decoded); err != nil {
			b.Fatal(err)
		}
		src, _ := netip.AddrFromSlice(ip.SrcIP)
		scratch = sim.Packet{Time: time.Duration(info.Timestamp.UnixNano()), Src: src,
			SrcPort: uint16(segment.SrcPort), DstPort: uint16(segment.DstPort)}
	})
}

// rounds reads a whole capture again and again; only what next takes is counted.
func rounds(b *testing.B, begin, next func()) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		begin()
		b.StartTimer()
		for range benchPackets {
			next()
		}
	}
	b.ReportMetric(float64(b.N)*benchPackets/b.Elapsed().Seconds()/1e6, "Mpackets/s")
}
