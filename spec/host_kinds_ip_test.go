package spec

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// addressKinds come from or go to addresses that nobody has who means well.
func addressKinds(v6 bool) (all []kind) {
	from := func(src string, heard, lost bool) {
		all = append(all, kind{name: "SYN from " + src, proto: lang.TCP, src: src, attempt: heard, lost: lost,
			build: one(func(p path) []byte { return p.syn().packet() })})
	}
	to := func(dst string, attempt bool, as *sim.Packet) {
		for name, build := range map[lang.Proto]func(p path) []byte{
			lang.TCP:  func(p path) []byte { return p.syn().packet() },
			lang.UDP:  func(p path) []byte { return p.datagram().packet() },
			lang.Ping: func(p path) []byte { return p.ping(pingLength).packet() },
		} {
			k := kind{name: name.String() + " to " + dst, proto: name, dst: dst, attempt: attempt, lost: attempt, build: one(build)}
			if as != nil {
				packet := *as
				packet.Proto, packet.Length = name, pingLength
				if name == lang.TCP {
					packet.Flags = lang.SYN
				}
				k.as = &packet
			}
			all = append(all, k)
		}
	}
	broadcast := &sim.Packet{Broadcast: true}
	if v6 {
		from("fe80::7", true, false)
		from("fec0::7", true, false)
		from("::1", false, true)
		from("ff02::7", false, true)
		from("::ffff:192.0.2.7", true, false)
		to("ff02::1", false, broadcast)
		to("ff01::1", false, nil)
		to("ff05::1:3", false, nil)
		to("::1", false, nil)
		to("fd00:6b6e::", false, nil)
		to("fd00:6b6e::77", false, &sim.Packet{To: netip.MustParseAddr("fd00:6b6e::77")})
		return all
	}
	from("169.254.0.7", true, false)
	from("198.18.0.255", true, false)
	// The guard sees them before the host looks where they come from.
	for _, src := range []string{"127.0.0.1", "0.0.0.0", "198.18.0.1", "224.0.0.1", "255.255.255.255"} {
		from(src, true, true)
	}
	to("255.255.255.255", false, broadcast)
	to("198.18.0.255", false, broadcast)
	to("224.0.0.1", false, broadcast)
	to("224.0.0.251", false, nil)
	to("198.18.0.77", false, &sim.Packet{To: netip.MustParseAddr("198.18.0.77")})
	to("127.0.0.1", true, nil)
	to("0.0.0.0", false, nil)
	return all
}

// optionKinds have IPv4 headers that are unusual, or damaged.
func optionKinds() []kind {
	syn := func(name string, attempt, lost bool, change func(h *ip4)) kind {
		return kind{name: name, proto: lang.TCP, attempt: attempt, lost: lost, build: one(func(p path) []byte {
			h := ip4{src: p.src.Addr(), dst: p.dst.Addr(), proto: protoTCP, payload: p.syn().bytes()}
			change(&h)
			return h.packet()
		})}
	}
	options := func(lost bool, name string, options ...byte) kind {
		return syn(name, true, lost, func(h *ip4) { h.options = options })
	}
	return []kind{
		options(false, "SYN, no operation", 1, 1, 1, 0),
		options(false, "SYN, record route", 7, 7, 4, 0, 0, 0, 0, 0),
		options(false, "SYN, timestamp", 68, 8, 5, 0, 0, 0, 0, 0),
		options(false, "SYN, router alert", 148, 4, 0, 0),
		options(false, "SYN, unknown option", 222, 4, 0, 0),
		options(false, "SYN, 40 bytes of options", make([]byte, 40)...),
		options(true, "SYN, loose source route", 131, 7, 4, 198, 18, 0, 9, 0),
		options(true, "SYN, strict source route", 137, 7, 4, 198, 18, 0, 9, 0),
		options(true, "SYN, broken option", 7, 0, 0, 0),
		syn("SYN, bad IP checksum", false, false, func(h *ip4) { h.badSum = true }),
		syn("SYN, IP header of 4 words", false, false, func(h *ip4) { h.words = 4 }),
		syn("SYN, IP header longer than the packet", false, false, func(h *ip4) { h.words = 15 }),
		syn("SYN, IP packet longer than it is", false, false, func(h *ip4) { h.longer = 1 }),
		syn("SYN, IP packet shorter than its header", false, false, func(h *ip4) { h.longer = -21 }),
		syn("SYN, IP packet shorter than it is", false, false, func(h *ip4) { h.longer = -8 }),
		{name: "UDP without checksum", proto: lang.UDP, attempt: true, build: one(func(p path) []byte {
			d := p.datagram()
			d.noSum = true
			return d.packet()
		})},
		{name: "IP header cut", proto: lang.TCP, build: one(func(p path) []byte { return p.syn().packet()[:19] })},
	}
}

// part is a part of a payload.
type part struct {
	offset int
	more   bool
	data   []byte
}

// cut cuts a payload at the given places.
func cut(payload []byte, at ...int) (parts []part) {
	from := 0
	for _, to := range append(at, len(payload)) {
		parts = append(parts, part{from, to < len(payload), payload[from:to]})
		from = to
	}
	return parts
}

// parted are ways to send a payload in parts. In IPv6 the first must have the whole header
// (RFC 8200, section 4.5), and all but the last a length that is a multiple of eight.
var parted = []struct {
	name     string
	whole    bool // the host puts it together
	onlyIPv4 bool // it does so there
	parts    func(payload []byte) []part
}{
	{"two fragments", true, false, func(b []byte) []part { return cut(b, 24) }},
	{"fragments, last first", true, false, func(b []byte) []part { return reversed(cut(b, 24, 32)) }},
	{"fragments, the first twice", true, false, func(b []byte) []part { return append(cut(b, 24)[:1:1], cut(b, 24)...) }},
	{"tiny fragments", true, false, func(b []byte) []part { return cut(b, 8, 16) }},
	{"tiny fragments, last first", true, false, func(b []byte) []part { return reversed(cut(b, 8, 16)) }},
	{"a fragment in another", true, false, func(b []byte) []part { return []part{{0, true, b[:32]}, {8, true, b[8:16]}, {32, false, b[32:]}} }},
	{"a fragment of odd length", true, true, func(b []byte) []part { return []part{{0, true, b[:25]}, {24, false, b[24:]}} }},
	{"the first fragment alone", false, false, func(b []byte) []part { return cut(b, 24)[:1] }},
	{"the last fragment alone", false, false, func(b []byte) []part { return cut(b, 24)[1:] }},
	{"a fragment is missing", false, false, func(b []byte) []part { return slices.Delete(cut(b, 24, 32), 1, 2) }},
	{"fragments that overlap", false, false, func(b []byte) []part { return []part{{0, true, b[:24]}, {16, false, b[16:]}} }},
	{"fragments beyond the end", false, false, func(b []byte) []part { return []part{{0, true, b[:24]}, {65528, false, b[24:]}} }},
	{"two last fragments", false, false, func(b []byte) []part { return []part{{32, false, b[32:]}, {24, false, b[24:32]}, {0, true, b[:24]}} }},
}

func reversed(parts []part) []part {
	slices.Reverse(parts)
	return parts
}

// fragmentKinds are attempts in fragments.
func fragmentKinds(v6 bool, packets func(p path, proto byte, parts []part) [][]byte) (all []kind) {
	for _, f := range parted {
		send := func(proto lang.Proto, number byte, header int, payload func(p path) []byte) {
			first := slices.MinFunc(f.parts(make([]byte, 48)), func(a, b part) int { return a.offset - b.offset })
			whole := f.whole && !(v6 && (f.onlyIPv4 || len(first.data) < header))
			all = append(all, kind{name: proto.String() + " in " + f.name, proto: proto, attempt: whole,
				build: func(p path) [][]byte { return packets(p, number, f.parts(payload(p))) }})
		}
		send(lang.TCP, protoTCP, 20, func(p path) []byte {
			s := p.syn()
			s.data = make([]byte, 28)
			return s.bytes()
		})
		send(lang.UDP, protoUDP, 8, func(p path) []byte {
			d := p.datagram()
			d.data = make([]byte, 40)
			return d.bytes()
		})
	}
	return all
}

func fragmentKinds4() []kind {
	packets := func(p path, proto byte, parts []part) (all [][]byte) {
		for _, f := range parts {
			h := ip4{src: p.src.Addr(), dst: p.dst.Addr(), proto: proto, ident: p.src.Port(), offset: f.offset, more: f.more, payload: f.data}
			all = append(all, h.packet())
		}
		return all
	}
	all := fragmentKinds(false, packets)
	return append(all,
		kind{name: "SYN in fragments of 8 bytes", proto: lang.TCP, attempt: true, build: func(p path) [][]byte {
			return packets(p, protoTCP, cut(p.syn().bytes(), 8, 16))
		}},
		kind{name: "ping in fragments", proto: lang.Ping, attempt: true, build: func(p path) [][]byte {
			return packets(p, protoICMP, cut(p.ping(pingLength).bytes(), 8, 16))
		}},
		kind{name: "ACK that a fragment makes a SYN", proto: lang.TCP, build: func(p path) [][]byte {
			ack, syn := p.syn(), p.syn()
			ack.flags = lang.ACK
			return packets(p, protoTCP, []part{{0, true, ack.bytes()[:16]}, {8, false, syn.bytes()[8:]}})
		}},
	)
}

// extension is an IPv6 extension header before another header. The body has 6 bytes, or 8,
// 16 and so on more.
func extension(next byte, body ...byte) []byte {
	return append([]byte{next, byte((len(body)+2)/8 - 1)}, body...)
}

var padded = []byte{1, 4, 0, 0, 0, 0} // PadN

// fragmentHeader is that of a part.
func fragmentHeader(next byte, ident uint16, f part) []byte {
	offset := uint16(f.offset)
	if f.more {
		offset |= 1
	}
	b := binary.BigEndian.AppendUint16([]byte{next, 0}, offset)
	return binary.BigEndian.AppendUint32(b, uint32(ident))
}

func fragmentKinds6() []kind {
	packets := func(p path, proto byte, parts []part) (all [][]byte) {
		for _, f := range parts {
			all = append(all, p.ip(protoFragment, append(fragmentHeader(proto, p.src.Port(), f), f.data...)))
		}
		return all
	}
	all := fragmentKinds(true, packets)
	return append(all,
		kind{name: "SYN in a fragment that is all", proto: lang.TCP, attempt: true, build: func(p path) [][]byte {
			return packets(p, protoTCP, cut(p.syn().bytes()))
		}},
		kind{name: "ping in a fragment that is all", proto: lang.Ping, attempt: true, build: func(p path) [][]byte {
			return packets(p, protoICMPv6, cut(p.ping(pingLength).bytes()))
		}},
		kind{name: "SYN after options in the first fragment", proto: lang.TCP, attempt: true, build: func(p path) [][]byte {
			s := p.syn()
			s.data = make([]byte, 28)
			return packets(p, protoOptions, cut(append(extension(protoTCP, padded...), s.bytes()...), 32))
		}},
	)
}

// headerKinds have extension headers between IPv6 and the rest.
func headerKinds() (all []kind) {
	syn := func(name string, attempt bool, first byte, headers func() []byte) {
		all = append(all, kind{name: name, proto: lang.TCP, attempt: attempt, build: one(func(p path) []byte {
			return p.ip(first, append(headers(), p.syn().bytes()...))
		})})
	}
	header := func(body ...byte) func() []byte { return func() []byte { return extension(protoTCP, body...) } }
	route := func(kind, left byte) []byte {
		return append([]byte{kind, left, 0, 0, 0, 0}, netip.MustParseAddr("fd00:6b6e::9").AsSlice()...)
	}
	syn("SYN after hop-by-hop options", true, protoHopByHop, header(padded...))
	syn("SYN after a router alert", true, protoHopByHop, header(5, 2, 0, 0, 1, 0))
	syn("SYN after options", true, protoOptions, header(padded...))
	syn("SYN after long options", true, protoOptions, header(append([]byte{1, 252}, make([]byte, 252)...)...))
	syn("SYN after options twice", true, protoOptions, func() []byte {
		return append(extension(protoOptions, padded...), extension(protoTCP, padded...)...)
	})
	syn("SYN after hop-by-hop and other options", true, protoHopByHop, func() []byte {
		return append(extension(protoOptions, padded...), extension(protoTCP, padded...)...)
	})
	syn("SYN after a route that is over", true, protoRouting, header(route(0, 0)...))
	// The guard sees these before the host looks at their headers, whatever its hook.
	syn("SYN after a route", true, protoRouting, header(route(0, 1)...))
	syn("SYN after a segment route", true, protoRouting, header(route(4, 1)...))
	syn("SYN after an option to be refused", true, protoOptions, header(0xc2, 4, 0, 0, 0, 0))
	syn("SYN after a late hop-by-hop header", true, protoOptions, func() []byte {
		return append(extension(protoHopByHop, padded...), extension(protoTCP, padded...)...)
	})
	syn("SYN after AH", false, protoAH, func() []byte { return append([]byte{protoTCP, 4, 0, 0}, make([]byte, 20)...) })
	syn("SYN after a hop-by-hop option to be refused", false, protoHopByHop, header(0xc2, 4, 0, 0, 0, 0))
	syn("SYN after ESP", false, protoESP, func() []byte { return make([]byte, 8) })
	syn("SYN after a mobility header", false, 135, header(padded...))
	syn("SYN after HIP", false, 139, header(padded...))
	syn("SYN after shim6", false, 140, header(padded...))
	syn("SYN after no next header", false, protoOptions, func() []byte { return extension(protoNone, padded...) })
	syn("SYN after an endless header", false, protoOptions, func() []byte { return []byte{protoTCP, 255, 1, 4, 0, 0, 0, 0} })
	all = append(all,
		kind{name: "UDP after options", proto: lang.UDP, attempt: true, build: one(func(p path) []byte {
			return p.ip(protoOptions, append(extension(protoUDP, padded...), p.datagram().bytes()...))
		})},
		// A step's length is that of a packet without such headers.
		kind{name: "ping after options", proto: lang.Ping, resets: true, build: one(func(p path) []byte {
			return p.ip(protoOptions, append(extension(protoICMPv6, padded...), p.ping(pingLength).bytes()...))
		})},
		// The socket drops it, connection tracking does not.
		kind{name: "UDP without checksum", proto: lang.UDP, attempt: true, build: one(func(p path) []byte {
			d := p.datagram()
			d.noSum = true
			return d.packet()
		})},
		kind{name: "IP packet longer than it is", proto: lang.TCP, build: one(func(p path) []byte {
			b := p.syn().packet()
			b[5]++
			return b
		})},
		kind{name: "IP packet shorter than it is", proto: lang.TCP, build: one(func(p path) []byte {
			b := p.syn().packet()
			b[5] -= 8
			return b
		})},
		kind{name: "IP header cut", proto: lang.TCP, build: one(func(p path) []byte { return p.syn().packet()[:39] })},
	)
	return all
}
