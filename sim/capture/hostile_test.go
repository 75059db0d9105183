package capture_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

var scratch sim.Packet

// FuzzOpen reads anything: no panic, every record in one place, time never backwards,
// and the same however much of the file comes at a time.
func FuzzOpen(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []capture.Options{{}, atHost, atRouter} {
			whole, err := drain(t, func() (*capture.Source, error) { return openData(data, o) })
			inBits, bitsErr := drain(t, func() (*capture.Source, error) { return capture.OpenFile(bits{bytes.NewReader(data)}, o) })
			if whole != inBits || (err == nil) != (bitsErr == nil) || err != nil && err.Error() != bitsErr.Error() {
				t.Errorf("as a whole %s, %v; in bits %s, %v", whole, err, inBits, bitsErr)
			}
		}
	})
}

// drain reads to the end, whichever it is; a proper end is no error.
func drain(t *testing.T, open func() (*capture.Source, error)) (capture.Stats, error) {
	t.Helper()
	s, err := open()
	if err != nil {
		return capture.Stats{}, err
	}
	last := time.Duration(0)
	for {
		kind, err := s.Next(&scratch)
		if err != nil {
			checkSum(t, s.Stats())
			if err == io.EOF {
				err = nil
			}
			return s.Stats(), err
		}
		if scratch.Time < last || !scratch.Src.IsValid() || kind == 0 {
			t.Fatalf("%v %+v after %s", kind, scratch, last)
		}
		last = scratch.Time
	}
}

// seeds are captures of every kind.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	knock := tcpHeader(40000, 22, syn)
	n := &ng{order: be}
	n.section()
	n.iface(1, 64, n.option(2, 'w', 'a', 'n', '0'), n.option(9, 0x80|20), n.option(14, offset(be, 9)...))
	n.enhanced(0, 7<<20, ether(ip4(peer4, host4, tcp, knock)))
	n.block(3, n.u32(40), synFrame)
	seeds := [][]byte{
		n.b,
		pcapOf(1, ether(ip4(peer4, host4, tcp, knock), 0x81, 0, 0, 5), ether(ip4(host4, peer4, tcp, tcpHeader(22, 40000, syn|ack)))),
		pcapOf(113, cooked(0, ip6(peer6, host6, 0, cat(extension(43, 0), extension(udp, 1), udpDatagram(1, 2))))),
		pcapOf(276, cooked2(4, 772, ip4(host4, peer4, icmp, echo(0, 7, 8)))),
		pcapOf(0, cat([]byte{2, 0, 0, 0}, ip4(peer4, host4, icmp, echo(8, 7, 8), 7, 4, 0, 0))),
		parts(false, udp, udpDatagram(1, 2, make([]byte, 92)...), part{0, 48, true, 0}, part{48, 100, false, 1}),
		parts(true, udp, udpDatagram(1, 2, make([]byte, 92)...), part{48, 100, false, 0}, part{40, 48, true, 1}, part{0, 48, true, 99}),
	}
	files, err := filepath.Glob("../../testdata/captures/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	return seeds
}

// TestHostile changes each byte of good captures and cuts them off everywhere.
func TestHostile(t *testing.T) {
	for _, data := range seeds(t) {
		for i := range data {
			drain(t, func() (*capture.Source, error) { return openData(data[:i], atHost) })
			changed := bytes.Clone(data)
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				changed[i] = v
				drain(t, func() (*capture.Source, error) { return openData(changed, atRouter) })
			}
		}
	}
}

// TestAllocs reads on and on without new memory: whole packets, what is left out, and
// fragments.
func TestAllocs(t *testing.T) {
	data := udpDatagram(1, 2, make([]byte, 92)...)
	n := &ng{order: le}
	n.section()
	n.iface(101, 0)
	c := &classic{order: le, magic: microMagic, link: 101}
	for i := range 50_000 {
		for _, frame := range [][]byte{
			synFrame,
			ip6(peer6, host6, 60, cat(extension(udp, 0), udpDatagram(1, 2))),
			ip4(host4, peer4, tcp, tcpHeader(22, 40000, syn|ack)),
			ip4(peer4, host4, 47, nil),
			ip4Fragment(peer4, host4, udp, uint16(i), 0, true, data[:48]),
			ip4Fragment(peer4, host4, udp, uint16(i), 48, false, data[48:]),
		} {
			c.add(frame)
			n.enhanced(0, uint64(i), frame)
		}
	}
	for name, data := range map[string][]byte{"pcap": c.bytes(), "pcapng": n.b} {
		s, err := capture.OpenFile(bytes.NewReader(data), atHost)
		if err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(100_000, func() {
			if _, err := s.Next(&scratch); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a packet, want none", name, allocs)
		}
	}
}
