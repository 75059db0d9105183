package capture_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"example.org/knockc/sim/capture"
)

// TestGopacket reads captures that gopacket has written and holds what is read to
// what gopacket reads there.
func TestGopacket(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var frames [][]byte
	var stamps []time.Time
	at := time.Unix(1_700_000_000, 0)
	for range 5000 {
		frames = append(frames, randomFrame(t, r))
		at = at.Add(time.Duration(r.IntN(1_000_000)) * time.Microsecond)
		stamps = append(stamps, at)
	}
	var want []string
	for i, frame := range frames {
		if w := byGopacket(frame); w != "" {
			want = append(want, fmt.Sprintf("%s at %s", w, stamps[i].Sub(stamps[0])))
		}
	}
	for name, write := range map[string]func(w io.Writer) (write func(gopacket.CaptureInfo, []byte) error, flush func() error){
		"pcap": func(w io.Writer) (func(gopacket.CaptureInfo, []byte) error, func() error) {
			p := pcapgo.NewWriter(w)
			p.WriteFileHeader(1<<16, layers.LinkTypeEthernet)
			return p.WritePacket, func() error { return nil }
		},
		"pcap, ns": func(w io.Writer) (func(gopacket.CaptureInfo, []byte) error, func() error) {
			p := pcapgo.NewWriterNanos(w)
			p.WriteFileHeader(1<<16, layers.LinkTypeEthernet)
			return p.WritePacket, func() error { return nil }
		},
		"pcapng": func(w io.Writer) (func(gopacket.CaptureInfo, []byte) error, func() error) {
			p, err := pcapgo.NewNgWriterInterface(w, pcapgo.NgInterface{Name: "eth0", LinkType: layers.LinkTypeEthernet}, pcapgo.DefaultNgWriterOptions)
			if err != nil {
				t.Fatal(err)
			}
			return p.WritePacket, p.Flush
		},
	} {
		var b bytes.Buffer
		writePacket, flush := write(&b)
		for i, frame := range frames {
			info := gopacket.CaptureInfo{Timestamp: stamps[i], CaptureLength: len(frame), Length: len(frame)}
			if err := writePacket(info, frame); err != nil {
				t.Fatal(err)
			}
		}
		if err := flush(); err != nil {
			t.Fatal(err)
		}
		got := readTimed(t, b.Bytes())
		if len(got) < 1000 {
			t.Errorf("%s: only %d packets", name, len(got))
		}
		if i := firstDifference(got, want); i >= 0 {
			t.Errorf("%s: packet %d of %d and %d: %q, gopacket has %q", name, i, len(got), len(want), at0(got, i), at0(want, i))
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if at0(a, i) != at0(b, i) {
			return i
		}
	}
	return -1
}

func at0(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return ""
}

// randomFrame is an Ethernet frame that gopacket builds: VLAN tags, IPv4 or IPv6 with
// extension headers, TCP, UDP or a ping, to the host, from it, or neither.
func randomFrame(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	v6 := r.IntN(2) == 0
	host, peer := host4, netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + r.IntN(250))})
	ethernetType := layers.EthernetTypeIPv4
	if v6 {
		host, peer = host6, netip.AddrFrom16([16]byte{0xfd, 15: byte(r.IntN(256))})
		ethernetType = layers.EthernetTypeIPv6
	}
	src, dst := peer, host
	switch r.IntN(6) {
	case 0:
		src, dst = host, peer
	case 1:
		dst = peer.Next()
	}
	transport, proto := randomTransport(r, v6)
	stack := []gopacket.SerializableLayer{}
	tags := r.IntN(3)
	types := append(slices.Repeat([]layers.EthernetType{layers.EthernetTypeDot1Q}, tags), ethernetType)
	stack = append(stack, &layers.Ethernet{SrcMAC: peerMAC, DstMAC: hostMAC, EthernetType: types[0]})
	for i := range tags {
		stack = append(stack, &layers.Dot1Q{VLANIdentifier: uint16(r.IntN(4096)), Type: types[i+1]})
	}
	if v6 {
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		stack = append(stack, ip)
		if r.IntN(2) == 0 {
			ip.NextHeader = layers.IPProtocolIPv6Destination
			d := &layers.IPv6Destination{}
			d.NextHeader = proto
			d.Options = []*layers.IPv6DestinationOption{{OptionType: 0x1e, OptionData: make([]byte, 4)}}
			stack = append(stack, d)
		}
	} else {
		ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		if r.IntN(4) == 0 && proto != layers.IPProtocolICMPv4 { // a ping's length counts the options
			ip.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
		}
		stack = append(stack, ip)
	}
	stack = append(stack, transport...)
	stack = append(stack, gopacket.Payload(make([]byte, r.IntN(200))))
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, stack...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func randomTransport(r *rand.Rand, v6 bool) ([]gopacket.SerializableLayer, layers.IPProtocol) {
	src, dst := uint16(1+r.IntN(65535)), uint16(1+r.IntN(65535))
	bit := func() bool { return r.IntN(2) == 0 }
	switch {
	case r.IntN(2) == 0:
		return []gopacket.SerializableLayer{&layers.TCP{
			SrcPort: layers.TCPPort(src), DstPort: layers.TCPPort(dst), DataOffset: 5,
			FIN: bit(), SYN: bit(), RST: bit(), PSH: bit(), ACK: bit(), URG: bit(), ECE: bit(),
		}}, layers.IPProtocolTCP
	case r.IntN(2) == 0:
		return []gopacket.SerializableLayer{&layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}}, layers.IPProtocolUDP
	case v6:
		kind := layers.CreateICMPv6TypeCode(uint8(128+r.IntN(2)), 0)
		return []gopacket.SerializableLayer{&layers.ICMPv6{TypeCode: kind}, &layers.ICMPv6Echo{Identifier: src}}, layers.IPProtocolICMPv6
	}
	kind := layers.CreateICMPv4TypeCode(uint8(8*r.IntN(2)), 0)
	return []gopacket.SerializableLayer{&layers.ICMPv4{TypeCode: kind, Id: src}}, layers.IPProtocolICMPv4
}

// byGopacket is what show says of a packet, as gopacket decodes it; "" of one that is
// neither to nor from the host.
func byGopacket(frame []byte) string {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	source, target := p.NetworkLayer().NetworkFlow().Endpoints()
	src, _ := netip.AddrFromSlice(source.Raw())
	dst, _ := netip.AddrFromSlice(target.Raw())
	to, from := slices.Contains(hosts, dst), slices.Contains(hosts, src)
	if !to && !from {
		return ""
	}
	way, peer := "to", src
	if from {
		way, peer = "from", dst
	}
	swap := func(a, b uint16) (uint16, uint16) {
		if from {
			return b, a
		}
		return a, b
	}
	ping := func(request bool, id uint16, data int) string {
		if request == from {
			return ""
		}
		text := fmt.Sprintf("%s %s ping/0", way, netip.AddrPortFrom(peer, id))
		if data > 0 {
			text += fmt.Sprintf(" %d bytes", data)
		}
		return text
	}
	if u, ok := p.TransportLayer().(*layers.UDP); ok {
		peerPort, port := swap(uint16(u.SrcPort), uint16(u.DstPort))
		return fmt.Sprintf("%s %s udp/%d", way, netip.AddrPortFrom(peer, peerPort), port)
	}
	if s, ok := p.TransportLayer().(*layers.TCP); ok {
		peerPort, port := swap(uint16(s.SrcPort), uint16(s.DstPort))
		text := fmt.Sprintf("%s %s tcp/%d", way, netip.AddrPortFrom(peer, peerPort), port)
		if flags := flagsOf(s); flags != "" {
			text += " " + flags
		}
		return text
	}
	if i, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
		return ping(i.TypeCode.Type() == layers.ICMPv4TypeEchoRequest, i.Id, len(i.Payload))
	}
	i := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	e := p.Layer(layers.LayerTypeICMPv6Echo).(*layers.ICMPv6Echo)
	data := len(i.Payload) - 4
	if d, ok := p.Layer(layers.LayerTypeIPv6Destination).(*layers.IPv6Destination); ok {
		data += len(d.Contents) // the extension header counts
	}
	return ping(i.TypeCode.Type() == layers.ICMPv6TypeEchoRequest, e.Identifier, data)
}

func flagsOf(s *layers.TCP) string {
	var names []string
	for _, f := range []struct {
		set  bool
		name string
	}{{s.FIN, "fin"}, {s.SYN, "syn"}, {s.RST, "rst"}, {s.PSH, "psh"}, {s.ACK, "ack"}, {s.URG, "urg"}} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

func readTimed(t *testing.T, data []byte) (packets []string) {
	t.Helper()
	s := open(t, data, atHost)
	each(t, s, func(text string, at time.Duration) {
		packets = append(packets, fmt.Sprintf("%s at %s", text, at))
	})
	checkSum(t, s.Stats())
	return packets
}

func each(t testing.TB, s *capture.Source, see func(text string, at time.Duration)) {
	t.Helper()
	for {
		kind, err := s.Next(&scratch)
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		see(show(kind, &scratch), scratch.Time)
	}
}
