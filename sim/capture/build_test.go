package capture_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"example.org/knockc/sim/capture"
)

// Captures are built from the inside out: a transport header, an IP header, a link
// header, a record, a file.

var (
	host4, peer4   = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	host6, peer6   = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:7::7")
	hosts          = []netip.Addr{host4, host6}
	atHost         = capture.Options{Hosts: hosts}
	be             = binary.BigEndian
	le             = binary.LittleEndian
	broadcastMAC   = []byte{255, 255, 255, 255, 255, 255}
	hostMAC        = []byte{2, 0, 0, 0, 0, 1}
	peerMAC        = []byte{2, 0, 0, 0, 0, 7}
	syn, ack, rst  = byte(2), byte(16), byte(4)
	nanoMagic      = uint32(0xa1b23c4d)
	microMagic     = uint32(0xa1b2c3d4)
	tcp, udp, icmp = byte(6), byte(17), byte(1)
)

// openData opens a capture that is in memory.
func openData(data []byte, o capture.Options) (*capture.Source, error) {
	return capture.OpenFile(bytes.NewReader(data), o)
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func tcpHeader(src, dst uint16, flags byte) []byte {
	b := be.AppendUint16(be.AppendUint16(nil, src), dst)
	return append(b, 0, 0, 0, 1, 0, 0, 0, 0, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
}

func udpDatagram(src, dst uint16, data ...byte) []byte {
	b := be.AppendUint16(be.AppendUint16(nil, src), dst)
	return append(be.AppendUint16(b, uint16(8+len(data))), append([]byte{0, 0}, data...)...)
}

func echo(kind byte, id uint16, data int) []byte {
	return append(be.AppendUint16([]byte{kind, 0, 0, 0}, id), make([]byte, 2+data)...)
}

// ip4 is a datagram; options must be a multiple of four bytes.
func ip4(src, dst netip.Addr, proto byte, payload []byte, options ...byte) []byte {
	return ip4Fragment(src, dst, proto, 0, 0, false, payload, options...)
}

func ip4Fragment(src, dst netip.Addr, proto byte, id uint16, offset int, more bool, payload []byte, options ...byte) []byte {
	header := 20 + len(options)
	b := []byte{4<<4 | byte(header/4), 0}
	b = be.AppendUint16(b, uint16(header+len(payload)))
	b = be.AppendUint16(b, id)
	place := uint16(offset / 8)
	if more {
		place |= 0x2000
	}
	b = append(be.AppendUint16(b, place), 64, proto, 0, 0)
	return cat(b, src.AsSlice(), dst.AsSlice(), options, payload)
}

func ip6(src, dst netip.Addr, next byte, payload []byte) []byte {
	b := append(be.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(payload))), next, 64)
	return cat(b, src.AsSlice(), dst.AsSlice(), payload)
}

// extension is an extension header of 8 bytes or more.
func extension(next byte, more int) []byte {
	return append([]byte{next, byte(more)}, make([]byte, 6+8*more)...)
}

func ip6Fragment(next byte, id uint32, offset int, more bool, payload []byte) []byte {
	place := uint16(offset)
	if more {
		place |= 1
	}
	return append(be.AppendUint32(be.AppendUint16([]byte{next, 0}, place), id), payload...)
}

// etherType is that of an IP datagram.
func etherType(ip []byte) []byte {
	if ip[0]>>4 == 6 {
		return []byte{0x86, 0xdd}
	}
	return []byte{8, 0}
}

func ether(ip []byte, tags ...byte) []byte { return cat(hostMAC, peerMAC, tags, etherType(ip), ip) }

// cooked is a frame of Linux cooked version 1.
func cooked(packetType uint16, ip []byte) []byte {
	b := be.AppendUint16(nil, packetType)
	return cat(b, []byte{0, 1, 0, 6}, peerMAC, []byte{0, 0}, etherType(ip), ip)
}

// cooked2 is a frame of Linux cooked version 2.
func cooked2(packetType byte, device uint16, ip []byte) []byte {
	b := be.AppendUint16(cat(etherType(ip), []byte{0, 0, 0, 0, 0, 3}), device)
	return cat(append(b, packetType, 6), peerMAC, []byte{0, 0}, ip)
}

type appender interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// classic is a pcap file; frames are a second apart.
type classic struct {
	order appender
	magic uint32
	link  uint32
	b     []byte
	at    uint32
}

func pcapOf(link uint32, frames ...[]byte) []byte {
	c := &classic{order: le, magic: microMagic, link: link}
	for _, f := range frames {
		c.add(f)
	}
	return c.bytes()
}

func (c *classic) bytes() []byte {
	h := c.order.AppendUint32(nil, c.magic)
	h = c.order.AppendUint16(c.order.AppendUint16(h, 2), 4)
	h = c.order.AppendUint32(append(h, make([]byte, 8)...), 262144)
	return append(c.order.AppendUint32(h, c.link), c.b...)
}

func (c *classic) add(frame []byte) { c.addAt(c.at, 0, len(frame), frame); c.at++ }

func (c *classic) addAt(sec, fraction uint32, wire int, frame []byte) {
	for _, n := range []uint32{sec, fraction, uint32(len(frame)), uint32(wire)} {
		c.b = c.order.AppendUint32(c.b, n)
	}
	c.b = append(c.b, frame...)
}

// ng is a pcapng file.
type ng struct {
	order appender
	b     []byte
}

func (n *ng) block(kind uint32, body ...[]byte) {
	b := cat(body...)
	b = append(b, make([]byte, -len(b)&3)...)
	size := uint32(len(b) + 12)
	n.b = n.order.AppendUint32(n.order.AppendUint32(n.b, kind), size)
	n.b = n.order.AppendUint32(append(n.b, b...), size)
}

func (n *ng) u16(v uint16) []byte { return n.order.AppendUint16(nil, v) }
func (n *ng) u32(v uint32) []byte { return n.order.AppendUint32(nil, v) }

func (n *ng) section() {
	n.block(0x0a0d0d0a, n.u32(0x1a2b3c4d), n.u16(1), n.u16(0), n.u32(0xffffffff), n.u32(0xffffffff))
}

func (n *ng) option(code uint16, value ...byte) []byte {
	return cat(n.u16(code), n.u16(uint16(len(value))), value, make([]byte, -len(value)&3))
}

func (n *ng) iface(link uint16, snap uint32, options ...[]byte) {
	n.block(1, n.u16(link), n.u16(0), n.u32(snap), cat(options...))
}

func (n *ng) enhanced(iface uint32, at uint64, frame []byte) {
	size := n.u32(uint32(len(frame)))
	n.block(6, n.u32(iface), n.u32(uint32(at>>32)), n.u32(uint32(at)), size, size, frame)
}
