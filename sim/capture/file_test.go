package capture_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

var synFrame = ip4(peer4, host4, tcp, tcpHeader(40000, 22, syn))

// times reads the packets' times and interfaces, and the error at the end if it is
// not io.EOF.
func times(s *capture.Source) (at []time.Duration, ifaces []string, err error) {
	var p sim.Packet
	for {
		if _, err := s.Next(&p); err == io.EOF {
			return at, ifaces, nil
		} else if err != nil {
			return at, ifaces, err
		}
		at, ifaces = append(at, p.Time), append(ifaces, p.Iface)
	}
}

func open(t *testing.T, data []byte, o capture.Options) *capture.Source {
	t.Helper()
	s, err := openData(data, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPcapTime(t *testing.T) {
	for _, order := range []appender{le, be} {
		for magic, unit := range map[uint32]time.Duration{microMagic: time.Microsecond, nanoMagic: time.Nanosecond} {
			c := &classic{order: order, magic: magic, link: 101}
			c.addAt(math.MaxUint32-2, 7, len(synFrame), synFrame)
			c.addAt(math.MaxUint32-1, 8, len(synFrame), synFrame)
			c.addAt(math.MaxUint32-1, 6, len(synFrame), synFrame)
			c.addAt(5, 6, len(synFrame), synFrame)
			c.addAt(math.MaxUint32, 7, len(synFrame), synFrame)
			s := open(t, c.bytes(), atHost)
			at, _, err := times(s)
			want := []time.Duration{0, time.Second + unit, time.Second + unit, time.Second + unit, 2 * time.Second}
			if err != nil || !slices.Equal(at, want) {
				t.Errorf("%v, %s: %v, %v, want %v", order, unit, at, err, want)
			}
			if got := s.Stats().Backwards; got != 2 {
				t.Errorf("%v, %s: %d out of order, want 2", order, unit, got)
			}
		}
	}
}

func TestPcapng(t *testing.T) {
	for _, order := range []appender{le, be} {
		n := &ng{order: order}
		n.section()
		n.iface(101, 0, n.option(2, 'w', 'a', 'n', '0'))
		n.iface(1, 20, n.option(9, 9), n.option(2, 'l', 'a', 'n', '0'))
		n.iface(101, 0, n.option(9, 12))
		n.iface(147, 0) // LINKTYPE_USER0
		n.enhanced(0, 5_000_000, synFrame)
		n.block(0x0bad, []byte("what nobody knows"))
		n.enhanced(1, 6_000_000_001, ether(synFrame))
		n.enhanced(2, 7_500_000_000_000, synFrame)
		n.enhanced(3, 7_500_000, synFrame)
		size := n.u32(uint32(len(synFrame)))
		n.block(2, n.u16(0), n.u16(0), n.u32(0), n.u32(8_000_000), size, size, synFrame)
		n.block(3, size, synFrame)
		n.section() // a new one: its interfaces, its byte order
		n.iface(101, 0, n.option(9, 3), n.option(14, offset(order, 3)...))
		n.enhanced(0, 6_250, synFrame)

		s := open(t, n.b, atHost)
		at, ifaces, err := times(s)
		s0 := time.Second
		wantAt := []time.Duration{0, s0 + 1, 2*s0 + s0/2, 3 * s0, 3 * s0, 4*s0 + s0/4}
		wantIfaces := []string{"wan0", "lan0", "eth0", "wan0", "wan0", "eth0"}
		if err != nil || !slices.Equal(at, wantAt) || !slices.Equal(ifaces, wantIfaces) {
			t.Errorf("%v: %v on %v, %v, want %v on %v", order, at, ifaces, err, wantAt, wantIfaces)
		}
		if stats := s.Stats(); stats.LeftOut[capture.UnknownLink] != 1 || stats.Backwards != 0 {
			t.Errorf("%v: %s, want 1 of an unknown link type and none out of order", order, stats)
		}
		_, ifaces, _ = times(open(t, n.b, capture.Options{Hosts: hosts, Iface: "wg0"}))
		if want := slices.Repeat([]string{"wg0"}, 6); !slices.Equal(ifaces, want) {
			t.Errorf("%v: with an interface: %v, want %v", order, ifaces, want)
		}
	}
}

// TestPcapngNames takes for nameless what no Linux host has for a name.
func TestPcapngNames(t *testing.T) {
	for name, want := range map[string]string{
		"wan0": "wan0", "br-lan.5": "br-lan.5", "wan0\x00rest": "wan0", "fifteen-bytes-x": "fifteen-bytes-x", "größe": "größe",
		"any": "eth0", "": "eth0", "sixteen-bytes-xx": "eth0", ".": "eth0", "..": "eth0", "a/b": "eth0", "a:b": "eth0", "a b": "eth0",
		"\x1b[31m": "eth0", "a\nb": "eth0", "\u202eabc": "eth0", "a\xff": "eth0", `\Device\NPF_{B5A1}`: "eth0",
	} {
		for _, given := range []string{"", "wg0"} {
			n := &ng{order: le}
			n.section()
			n.iface(113, 0, n.option(2, []byte(name)...))
			n.enhanced(0, 0, cooked(0, synFrame))
			_, ifaces, err := times(open(t, n.b, capture.Options{Iface: given}))
			if given != "" {
				want = given
			}
			if err != nil || !slices.Equal(ifaces, []string{want}) {
				t.Errorf("%q, with the interface %q given: on %v, %v, want %s", name, given, ifaces, err, want)
			}
		}
	}
}

func offset(order appender, seconds uint64) []byte { return order.AppendUint64(nil, seconds) }

// TestPcapngTime looks at units of time.
func TestPcapngTime(t *testing.T) {
	for _, test := range []struct {
		resolution byte
		from, to   uint64
		want       time.Duration
		problem    string
	}{
		{1, 1, 21, 2 * time.Second, ""},
		{6, 1, 3, 2 * time.Microsecond, ""},
		{9, 1, 3, 2, ""},
		{12, 1000, 3999, 2, ""},
		{19, 0, 12e18, 1200 * time.Millisecond, ""},
		{20, 0, 0, 0, "packet 1: interface 0 has an unsupported unit of time: if_tsresol is 0x14, expected at most 19"},
		{0x80 | 10, 0, 0, 0, "packet 1: interface 0 has an unsupported unit of time: if_tsresol is 0x8a, expected at most 19"},
	} {
		n := &ng{order: le}
		n.section()
		n.iface(101, 0, n.option(9, test.resolution))
		n.enhanced(0, test.from, synFrame)
		n.enhanced(0, test.to, synFrame)
		at, _, err := times(open(t, n.b, atHost))
		switch {
		case test.problem != "":
			if err == nil || err.Error() != test.problem {
				t.Errorf("resolution %#x: %v, want %s", test.resolution, err, test.problem)
			}
		case err != nil || len(at) != 2 || at[1] != test.want:
			t.Errorf("resolution %#x, from %d to %d: %v, %v, want %v", test.resolution, test.from, test.to, at, err, test.want)
		}
	}
}

// TestErrors breaks the structure of captures. The errors say where.
func TestErrors(t *testing.T) {
	good := pcapOf(101, synFrame, synFrame)
	n := &ng{order: le}
	n.section()
	n.iface(101, 0)
	head := n.b
	with := func(b []byte, i int, v ...byte) []byte { b = bytes.Clone(b); copy(b[i:], v); return b }
	block := func(kind uint32, body ...[]byte) []byte {
		n := &ng{order: le, b: bytes.Clone(head)}
		n.block(kind, body...)
		return n.b
	}
	zeros := func(n int) []byte { return make([]byte, n) }
	const second, cut = 24 + 16 + 40, "the file is cut short"
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "neither a pcap nor a pcapng capture"},
		{"text", []byte("0s 192.0.2.7 -> 22"), "neither a pcap nor a pcapng capture"},
		{"pcap: half a header", good[:20], cut},
		{"pcap: version", with(good, 4, 3), "unknown major version 3"},
		{"pcap: link type", with(good, 20, 105), "link type 105 is not supported; supported are " +
			"1 Ethernet, 101 raw IP, 113 and 276 Linux cooked, 0 and 108 loopback"},
		{"pcap: half a record header", good[:second+8], "packet 2: " + cut},
		{"pcap: only a record header", good[:second+16], "packet 2: " + cut},
		{"pcap: half a packet", good[:second+16+30], "packet 2: " + cut},
		{"pcap: huge packet", with(good, 24+8, 1, 0, 0, 1), "packet 1: capture length exceeds snap length: 16777217 > 262144"},
		{"pcapng: half a head", head[:10], cut},
		{"pcapng: byte order", with(head, 8, 1), "wrong byte order value in Section Header"},
		{"pcapng: version", with(head, 12, 2), "unknown pcapng Version in Section Header"},
		{"pcapng: half a block", cat(head, []byte{6, 0, 0, 0, 32, 0, 0, 0}, zeros(16)), "packet 1: " + cut},
		{"pcapng: half an unknown block", cat(head, []byte{9, 0, 0, 0, 32, 0, 0, 0}, zeros(16)), "packet 1: " + cut},
		{"pcapng: no such interface", block(6, []byte{1, 0, 0, 0}, zeros(16)), "packet 1: interface id 1 not present in section (have only 1 interfaces)"},
		{"pcapng: packet longer than its block", block(6, zeros(12), []byte{90, 0, 0, 0, 90, 0, 0, 0}, zeros(8)), "packet 1: " + cut},
		{"pcapng: many interfaces", manyInterfaces(), "packet 1: more than 65536 interfaces in a section"},
	} {
		s, err := openData(test.data, atHost)
		if err == nil {
			_, _, err = times(s)
		}
		var broken *capture.Error
		if !errors.As(err, &broken) || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// TestCompressed: a compressed file is told from a broken one.
func TestCompressed(t *testing.T) {
	for begin, program := range map[string]string{"\x1f\x8b\x08\x00": "gzip", "\x28\xb5\x2f\xfd": "zstd", "\xfd7zXZ": "xz"} {
		_, err := openData([]byte(begin), atHost)
		var compressed *capture.CompressedError
		if !errors.As(err, &compressed) || compressed.Program != program {
			t.Errorf("%s: %v", program, err)
		}
	}
}

func manyInterfaces() []byte {
	n := &ng{order: le}
	n.section()
	one := &ng{order: le}
	one.iface(101, 0)
	n.b = append(n.b, bytes.Repeat(one.b, 1<<16+1)...)
	n.enhanced(0, 0, synFrame)
	return n.b
}

// TestHugeLengths: what a length claims takes no memory, even if the file is as long.
func TestHugeLengths(t *testing.T) {
	huge, kinds := uint32(0xfffffff0), map[string][]byte{}
	c := &classic{order: le, magic: microMagic, link: 101}
	for _, n := range []uint32{0, 0, huge, huge} {
		c.b = le.AppendUint32(c.b, n)
	}
	kinds["pcap"] = c.bytes()
	le.PutUint32(kinds["pcap"][16:], huge) // no packet is longer than this
	block := func(kind uint32, body ...uint32) []byte {
		n := &ng{order: le}
		n.section()
		n.iface(101, 0)
		for _, v := range append([]uint32{kind, huge}, body...) {
			n.b = le.AppendUint32(n.b, v)
		}
		return n.b
	}
	kinds["simple packet"] = block(3, huge)
	kinds["packet"] = block(6, 0, 0, 0, huge, huge)
	kinds["secrets"] = block(10, 0x544c534b, huge)
	kinds["unknown block"] = block(0x0bad)
	kinds["short block"] = block(0x0bad)
	le.PutUint32(kinds["short block"][52:], 4)
	for name, begin := range kinds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := capture.OpenFile(&endless{begin: begin}, atHost)
		if err == nil {
			_, _, err = times(s)
		}
		runtime.ReadMemStats(&after)
		if broken := (*capture.Error)(nil); !errors.As(err, &broken) {
			t.Errorf("%s: %v", name, err)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 150 { // it is read twice
			t.Errorf("%s: took %d MiB", name, took)
		}
	}
}

// endless goes on with zeros.
type endless struct {
	begin []byte
	pos   int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.begin[min(e.pos, len(e.begin)):])
	clear(b[n:])
	e.pos += len(b)
	return len(b), nil
}

func (e *endless) Seek(offset int64, whence int) (int64, error) {
	e.pos = int(offset)
	return offset, nil
}

func TestIsCapture(t *testing.T) {
	for _, test := range []struct {
		begin string
		want  bool
	}{
		{"\xd4\xc3\xb2\xa1", true}, {"\xa1\xb2\xc3\xd4", true}, {"\x4d\x3c\xb2\xa1", true}, {"\xa1\xb2\x3c\x4d", true},
		{"\x0a\x0d\x0d\x0a", true}, {"\x1f\x8b\x08\x00", true}, {"\x28\xb5\x2f\xfd", true}, {"\xfd7zXZ", true},
		{"\x0a\x0d\x0d", false}, {"", false}, {"0s 1", false}, {"\n\n\n\n", false},
	} {
		if got := capture.IsCapture([]byte(test.begin)); got != test.want {
			t.Errorf("IsCapture(%q) = %v", test.begin, got)
		}
	}
}

// TestOpenFile reads files bit by bit, and files longer than a record may be.
func TestOpenFile(t *testing.T) {
	long := &classic{order: le, magic: microMagic, link: 101}
	for i := range uint16(3000) {
		long.add(ip4(peer4, host4, udp, udpDatagram(i, 22, make([]byte, i)...)))
	}
	n := &ng{order: be}
	n.section()
	n.iface(101, 0)
	for i := range uint64(300) {
		n.enhanced(0, i, synFrame)
		n.block(0x0bad, make([]byte, 70_000))
	}
	for name, data := range map[string][]byte{"pcap": long.bytes(), "pcapng": n.b} {
		want, wantStats := read(t, data, atHost)
		s, err := capture.OpenFile(bits{bytes.NewReader(data)}, atHost)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var p sim.Packet
		for {
			kind, err := s.Next(&p)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, show(kind, &p))
		}
		if !slices.Equal(got, want) || s.Stats() != wantStats {
			t.Errorf("%s: %d packets, %s, want %d, %s", name, len(got), s.Stats(), len(want), wantStats)
		}
	}
}

// bits is a file of which a read gets only half of what it asks for.
type bits struct{ file *bytes.Reader }

func (b bits) Read(to []byte) (int, error) { return iotest.HalfReader(b.file).Read(to) }

func (b bits) Seek(offset int64, whence int) (int64, error) { return b.file.Seek(offset, whence) }

// TestReadError is told apart from the file's end.
func TestReadError(t *testing.T) {
	failure := errors.New("the disk is on fire")
	data := pcapOf(101, synFrame, synFrame)
	for n := range len(data) {
		file := failing{bytes.NewReader(data[:n]), failure}
		s, err := capture.OpenFile(file, atHost)
		if err == nil {
			_, _, err = times(s)
		}
		if !errors.Is(err, failure) {
			t.Fatalf("after %d bytes: %v, want %v", n, err, failure)
		}
	}
}

type failing struct {
	*bytes.Reader
	err error
}

func (f failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}
