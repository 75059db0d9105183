package seeded

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"
)

// wire is what a host with the knocks of [Policy] may send and get: of 100 packets, 90 are
// those of connections with its port 443, 9 are of scans, and one is of someone who knocks.
type wire struct {
	rand    *rand.Rand
	knocks  *traffic
	sent    uint32
	scanned uint32
}

// The host, and what the three kinds of clients have in their addresses.
var (
	host       = [4]byte{192, 0, 2, 1}
	client     = [4]byte{10, 200, 0, 0}
	scanner    = [4]byte{10, 201, 0, 0}
	clients    = uint32(1000)
	scanners   = uint32(50)
	syn, ack   = byte(0x02), byte(0x10)
	portOfHost = uint16(443)
)

// Capture is a pcap file of Ethernet frames, 10,000 a second, of a host whose address is
// 192.0.2.1.
func Capture(knocks, packets int) io.Reader {
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	header = append(header, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	header = binary.LittleEndian.AppendUint32(header, 65535)
	header = binary.LittleEndian.AppendUint32(header, 1)
	w := &wire{rand: rand.New(rand.NewPCG(4, 5)), knocks: newKnockers(knocks)}
	return &stream{left: packets, append: w.append, rest: header}
}

func (w *wire) append(b []byte) []byte {
	at := time.Duration(w.sent) * 100 * time.Microsecond
	w.sent++
	switch kind := w.rand.IntN(100); {
	case kind < 1:
		p := w.knocks.next()
		return appendFrame(b, at, p.Src, host, 40000, p.Port, syn)
	case kind < 10:
		w.scanned++
		src := numbered(scanner, w.scanned%scanners)
		return appendFrame(b, at, src, host, 50000, uint16(w.scanned/scanners), syn)
	}
	n := w.rand.Uint32N(clients)
	if w.sent%2 == 0 {
		return appendFrame(b, at, host, numbered(client, n), portOfHost, 50000, ack)
	}
	return appendFrame(b, at, numbered(client, n), host, 50000, portOfHost, ack)
}

// numbered is an address of a block.
func numbered(block [4]byte, n uint32) [4]byte {
	block[2], block[3] = byte(n>>8), byte(n)
	return block
}

func appendFrame(b []byte, at time.Duration, src, dst [4]byte, sport, dport uint16, flags byte) []byte {
	const size = 14 + 20 + 20
	b = binary.LittleEndian.AppendUint32(b, uint32(at/time.Second))
	b = binary.LittleEndian.AppendUint32(b, uint32(at%time.Second/time.Microsecond))
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = append(b, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)
	b = append(b, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = binary.BigEndian.AppendUint16(b, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	return append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
}
