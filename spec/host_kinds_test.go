package spec

import (
	"fmt"
	"net/netip"
	"slices"

	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// kind is a kind of packet. Packets of a kind are sent to steps and to services.
type kind struct {
	name    string
	proto   lang.Proto // whose steps and services it is sent to
	build   func(p path) [][]byte
	attempt bool // it moves a knock that has a step there
	resets  bool // it is an attempt, but at no step
	// lost says that the host drops it after prerouting for reasons of its own, so that it
	// reaches no service, whatever the policy says.
	lost     bool
	src, dst string      // addresses, if they matter
	as       *sim.Packet // the same in the simulator, which does not know all kinds
}

// path is where a packet comes from and goes to. Each has its own port to come from.
type path struct{ src, dst netip.AddrPort }

func (p path) v6() bool { return p.src.Addr().Is6() }

// ip is a packet with a payload of any protocol.
func (p path) ip(proto byte, payload []byte) []byte {
	return ip(p.src.Addr(), p.dst.Addr(), proto, payload)
}

func (p path) syn() segment { return segment{src: p.src, dst: p.dst, flags: lang.SYN, seq: 1000} }

func (p path) datagram() datagram { return datagram{src: p.src, dst: p.dst, data: []byte("hello")} }

// ping is an echo request.
func (p path) ping(length int) message {
	m := message{src: p.src.Addr(), dst: p.dst.Addr(), kind: 8, body: echo(p.src.Port(), length)}
	if p.v6() {
		m.kind = 128
	}
	return m
}

func one(build func(p path) []byte) func(p path) [][]byte {
	return func(p path) [][]byte { return [][]byte{build(p)} }
}

// pingLength is that of the policy's ping step.
const pingLength = 20

// kinds are those of a family.
func kinds(v6 bool) []kind {
	all := slices.Concat(flagKinds(), segmentKinds(), datagramKinds(), pingKinds(v6), protocolKinds(v6), addressKinds(v6))
	if v6 {
		return slices.Concat(all, headerKinds(), fragmentKinds6())
	}
	return slices.Concat(all, optionKinds(), fragmentKinds4())
}

// flagKinds are all combinations of the flags that TCP had from the beginning.
func flagKinds() (all []kind) {
	for flags := range lang.Flags(64) {
		all = append(all, flagKind(flags))
	}
	for _, flags := range []lang.Flags{lang.SYN | congestion, lang.SYN | 0x40, lang.SYN | 0x80, lang.ACK | congestion, congestion} {
		all = append(all, flagKind(flags))
	}
	return all
}

// congestion are the flags of RFC 3168.
const congestion lang.Flags = 0xc0

func flagKind(flags lang.Flags) kind {
	return kind{
		name:  fmt.Sprintf("TCP %q %#x", flags, uint8(flags)),
		proto: lang.TCP,
		build: one(func(p path) []byte {
			s := p.syn()
			s.flags = flags
			return s.packet()
		}),
		attempt: flags&(lang.SYN|lang.FIN|lang.RST|lang.ACK) == lang.SYN,
		as:      &sim.Packet{Proto: lang.TCP, Flags: flags &^ congestion}, // which it does not know
	}
}

// segmentKinds are SYNs that are unusual, or damaged.
func segmentKinds() []kind {
	syn := func(name string, attempt, lost bool, change func(s *segment)) kind {
		return kind{name: name, proto: lang.TCP, attempt: attempt, lost: lost, build: one(func(p path) []byte {
			s := p.syn()
			change(&s)
			return s.packet()
		})}
	}
	all := []kind{
		syn("SYN with data", true, false, func(s *segment) { s.data = []byte("GET / HTTP/1.0\r\n\r\n") }),
		syn("SYN with options", true, false, func(s *segment) { s.options = []byte{2, 4, 5, 180, 4, 2, 1, 1} }),
		syn("SYN with a cookie", true, false, func(s *segment) { s.options = []byte{34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1} }),
		syn("SYN with broken options", true, false, func(s *segment) { s.options = []byte{2, 0, 0, 0} }),
		syn("SYN with sequence number 0", true, false, func(s *segment) { s.seq = 0 }),
		syn("SYN with an acknowledgement number", true, false, func(s *segment) { s.ack = 4711 }),
		syn("SYN, bad checksum", false, false, func(s *segment) { s.badSum = true }),
		syn("SYN, header of 4 words", false, false, func(s *segment) { s.words = 4 }),
		syn("SYN, header longer than the packet", false, false, func(s *segment) { s.words = 15 }),
		syn("ACK with data", false, false, func(s *segment) { s.flags, s.data = lang.ACK|lang.PSH, []byte("hello") }),
	}
	for _, length := range []int{0, 2, 4, 8, 12, 13, 14, 16, 19} {
		all = append(all, kind{
			name:  fmt.Sprintf("SYN, cut to %d bytes", length),
			proto: lang.TCP,
			build: one(func(p path) []byte { return p.ip(protoTCP, p.syn().bytes()[:length]) }),
		})
	}
	return all
}

func datagramKinds() []kind {
	udp := func(name string, attempt, lost bool, change func(d *datagram)) kind {
		return kind{name: name, proto: lang.UDP, attempt: attempt, lost: lost, build: one(func(p path) []byte {
			d := p.datagram()
			change(&d)
			return d.packet()
		})}
	}
	plain := udp("UDP", true, false, func(d *datagram) {})
	plain.as = &sim.Packet{Proto: lang.UDP}
	all := []kind{
		plain,
		udp("UDP without data", true, false, func(d *datagram) { d.data = nil }),
		udp("UDP with much data", true, false, func(d *datagram) { d.data = make([]byte, 1400) }),
		udp("UDP, bad checksum", false, false, func(d *datagram) { d.badSum = true }),
		udp("UDP, longer than the packet", false, false, func(d *datagram) { d.longer = 1 }),
		udp("UDP, shorter than its header", false, false, func(d *datagram) { d.longer = -8 }),
	}
	for _, length := range []int{0, 2, 4, 7} {
		all = append(all, kind{
			name:  fmt.Sprintf("UDP, cut to %d bytes", length),
			proto: lang.UDP,
			build: one(func(p path) []byte { return p.ip(protoUDP, p.datagram().bytes()[:length]) }),
		})
	}
	return all
}

// pingKinds are messages of ICMP.
func pingKinds(v6 bool) []kind {
	ping := func(name string, attempt bool, length int, change func(m *message)) kind {
		return kind{name: name, proto: lang.Ping, attempt: attempt, build: one(func(p path) []byte {
			m := p.ping(length)
			change(&m)
			return m.packet()
		})}
	}
	plain := ping("ping", true, pingLength, func(m *message) {})
	plain.as = &sim.Packet{Proto: lang.Ping, Length: pingLength}
	all := []kind{
		plain,
		ping("ping with another code", true, pingLength, func(m *message) { m.code = 1 }),
		{name: "ping of another length", proto: lang.Ping, resets: true, as: &sim.Packet{Proto: lang.Ping, Length: pingLength + 1},
			build: one(func(p path) []byte { return p.ping(pingLength + 1).packet() })},
		ping("ping, bad checksum", false, pingLength, func(m *message) { m.badSum = true }),
	}
	types := []byte{0, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 17, 30, 40, 42, 255}
	if v6 {
		types = []byte{0, 1, 2, 3, 4, 100, 127, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 141, 143, 144, 151, 160, 255}
	}
	for _, kind := range types {
		all = append(all, ping(fmt.Sprintf("ICMP type %d", kind), false, pingLength, func(m *message) { m.kind = kind }))
	}
	return append(all, quoting(v6))
}

// quoting is an ICMP error that quotes what nobody has sent.
func quoting(v6 bool) kind {
	return kind{name: "ICMP error about a SYN", proto: lang.TCP, build: one(func(p path) []byte {
		m := message{src: p.src.Addr(), dst: p.dst.Addr(), kind: 3, code: 3}
		if v6 {
			m.kind, m.code = 1, 4
		}
		m.body = append(make([]byte, 4), path{p.dst, p.src}.syn().packet()...)
		return m.packet()
	})}
}

// protocolKinds are of protocols that are neither TCP nor UDP nor ICMP, though what they
// carry looks like it.
func protocolKinds(v6 bool) (all []kind) {
	carry := func(name string, proto byte, payload func(p path) []byte) {
		all = append(all, kind{name: name, proto: lang.TCP, build: one(func(p path) []byte { return p.ip(proto, payload(p)) })})
	}
	syn := func(p path) []byte { return p.syn().bytes() }
	carry("SCTP", protoSCTP, func(p path) []byte {
		init := []byte{1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1}
		return append(append(syn(p)[:4], make([]byte, 8)...), init...)
	})
	carry("DCCP", protoDCCP, func(p path) []byte { return append(syn(p)[:4], 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0) })
	carry("UDP-Lite", protoUDPLite, func(p path) []byte { return p.datagram().bytes() })
	carry("IGMP", protoIGMP, func(p path) []byte { return []byte{0x11, 0, 0xee, 0xff, 0, 0, 0, 0} })
	carry("ESP", protoESP, func(p path) []byte { return append(make([]byte, 8), syn(p)...) })
	carry("GRE", protoGRE, func(p path) []byte { return append([]byte{0, 0, 8, 0}, p.syn().packet()...) })
	carry("a tunnel", map[bool]byte{false: protoIPIP, true: protoIPv6}[v6], func(p path) []byte { return p.syn().packet() })
	carry("a tunnel of the other family", map[bool]byte{true: protoIPIP, false: protoIPv6}[v6], func(p path) []byte { return p.syn().packet() })
	for _, proto := range []byte{3, 46, 88, 89, 103, 112, 115, 143, 200, 253, 255} {
		carry(fmt.Sprintf("protocol %d", proto), proto, syn)
	}
	carry("UDP as TCP", protoTCP, func(p path) []byte { return p.datagram().bytes() })
	carry("TCP as UDP", protoUDP, syn)
	all[len(all)-1].proto = lang.UDP
	return all
}
