//go:build linux

package netns

import (
	"net/netip"
	"testing"
)

const rejectAll = `table inet t {
	chain input {
		type filter hook input priority -10
		reject
	}
}`

func wantResult(t testing.TB, h *Host, p Packet, accepted bool, answer Answer) {
	t.Helper()
	if r := send(t, h, p); r.Accepted != accepted || r.Answer != answer {
		t.Errorf("%+v: accepted = %v, %v; want %v, %v", p, r.Accepted, r.Answer, accepted, answer)
	}
}

func TestAnswer(t *testing.T) {
	tcp, closedTCP := Packet{Proto: TCP, DstPort: 22, Flags: SYN}, Packet{Proto: TCP, DstPort: 23, Flags: SYN}
	udp, closedUDP := Packet{Proto: UDP, DstPort: 53}, Packet{Proto: UDP, DstPort: 54}
	silent := Packet{Proto: UDP, DstPort: 53, Silent: true}
	ping, longPing := Packet{Proto: Ping}, Packet{Proto: Ping, Length: maxEcho}
	type result struct {
		accepted bool
		answer   Answer
	}
	dropped, reset, unreachable := result{false, NoAnswer}, result{false, Reset}, result{false, Unreachable}
	for name, test := range map[string]struct {
		rule string
		want map[Packet]result
	}{
		"accept": {"accept", map[Packet]result{
			tcp: {true, OtherAnswer}, closedTCP: {true, Reset},
			udp: {true, OtherAnswer}, closedUDP: {true, Unreachable}, silent: {true, NoAnswer},
			ping: {true, OtherAnswer}, longPing: {true, OtherAnswer},
		}},
		"drop": {"drop", map[Packet]result{
			tcp: dropped, closedTCP: dropped, udp: dropped, closedUDP: dropped, silent: dropped,
			ping: dropped, longPing: dropped,
		}},
		"reject": {"reject", map[Packet]result{
			tcp: unreachable, closedTCP: unreachable, udp: unreachable, closedUDP: unreachable, silent: unreachable,
			ping: unreachable, longPing: unreachable,
		}},
		"reset": {"reject with tcp reset", map[Packet]result{
			tcp: reset, closedTCP: reset,
			udp: {true, OtherAnswer}, // the rule is for TCP alone
		}},
		"prohibited": {"reject with icmpx admin-prohibited", map[Packet]result{
			tcp: {false, OtherAnswer}, udp: {false, OtherAnswer}, ping: {false, OtherAnswer},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
				load(t, h, `table inet t { chain input {
					type filter hook input priority -10
					`+test.rule+`
				}; }`)
				for p, want := range test.want {
					p.Src = src
					for range 2 {
						wantResult(t, h, p, want.accepted, want.answer)
					}
				}
			})
		})
	}
}

// TestAnswerWithConntrack rejects what conntrack has an answered entry of.
func TestAnswerWithConntrack(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		packets := []Packet{
			{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22, Flags: SYN},
			{Src: src, SrcPort: 40000, Proto: UDP, DstPort: 53},
			{Src: src, SrcPort: 40000, Proto: Ping},
		}
		load(t, h, counters)
		for _, p := range packets {
			wantResult(t, h, p, true, OtherAnswer)
		}
		load(t, h, `flush chain inet t input
			add rule inet t input ct state != established accept
			add rule inet t input meta l4proto tcp reject with tcp reset
			add rule inet t input reject`)
		for _, p := range packets {
			want := Unreachable
			if p.Proto == TCP {
				want = Reset
			}
			wantResult(t, h, p, false, want)
			wantResult(t, h, p, false, want)
		}
	})
}

// TestManyAnswers would meet a limit on ICMP errors, for each destination or for
// all.
func TestManyAnswers(t *testing.T) {
	const n = 3000
	h := New(t, "eth0")
	load(t, h, rejectAll)
	for i := range n {
		for _, src := range []netip.Addr{
			netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}),
			netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(i >> 8), 15: byte(i)}),
			sources["IPv4"],
			sources["IPv6"],
		} {
			wantResult(t, h, Packet{Src: src, Proto: UDP, DstPort: 53}, false, Unreachable)
		}
	}
}

func TestAnsweredBy(t *testing.T) {
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			v6 := src.Is6()
			host, other := ownAddr(v6), src.Next()
			tcp := Packet{Src: src, SrcPort: 40000, Dst: host, DstPort: 22, Proto: TCP}
			udp := Packet{Src: src, SrcPort: 40000, Dst: host, DstPort: 53, Proto: UDP}
			ping := Packet{Src: src, SrcPort: 40000, Dst: host, Proto: Ping}
			changed := func(p Packet, change func(p *Packet)) Packet {
				change(&p)
				return p
			}
			types := icmpTypesOf(v6)
			for name, test := range map[string]struct {
				p    Packet
				a    ipPacket
				want Answer
			}{
				"reset":            {tcp, reply(t, tcp, RST|ACK), Reset},
				"SYN/ACK":          {tcp, reply(t, tcp, SYN|ACK), OtherAnswer},
				"to another":       {tcp, reply(t, changed(tcp, func(p *Packet) { p.Src = other }), RST), NoAnswer},
				"by another":       {tcp, reply(t, changed(tcp, func(p *Packet) { p.Dst = other }), RST), NoAnswer},
				"of another port":  {tcp, reply(t, changed(tcp, func(p *Packet) { p.DstPort = 23 }), RST), NoAnswer},
				"to another port":  {tcp, reply(t, changed(tcp, func(p *Packet) { p.SrcPort++ }), RST), NoAnswer},
				"other protocol":   {udp, reply(t, changed(udp, func(p *Packet) { p.Proto = TCP }), RST), NoAnswer},
				"datagram":         {udp, reply(t, udp, 0), OtherAnswer},
				"group":            {changed(udp, func(p *Packet) { p.Dst = other }), reply(t, udp, 0), OtherAnswer},
				"unreachable":      {udp, icmpError(t, udp, types.unreachable, types.portUnreachable), Unreachable},
				"unreachable TCP":  {tcp, icmpError(t, tcp, types.unreachable, types.portUnreachable), Unreachable},
				"unreachable ping": {ping, icmpError(t, ping, types.unreachable, types.portUnreachable), Unreachable},
				"other code":       {udp, icmpError(t, udp, types.unreachable, types.portUnreachable+1), OtherAnswer},
				"quotes another": {udp, icmpError(t, changed(udp, func(p *Packet) { p.SrcPort++ }),
					types.unreachable, types.portUnreachable), NoAnswer},
				"quotes another ping": {ping, icmpError(t, changed(ping, func(p *Packet) { p.SrcPort++ }),
					types.unreachable, types.portUnreachable), NoAnswer},
				"quotes TCP": {udp, icmpError(t, changed(udp, func(p *Packet) { p.Proto = TCP }),
					types.unreachable, types.portUnreachable), NoAnswer},
				"quotes nothing": {udp, ipPacket{host, src, ttl, Ping.number(v6), make([]byte, 8)}, NoAnswer},
			} {
				if got := test.p.answeredBy(test.a); got != test.want {
					t.Errorf("%s: %v, want %v", name, got, test.want)
				}
			}
		})
	}
}

func reply(t *testing.T, p Packet, flags TCPFlags) ipPacket {
	p.Src, p.SrcPort, p.Dst, p.DstPort = p.Dst, p.DstPort, p.Src, p.SrcPort
	p.Flags = flags
	a, ok := parseIP(p.append(nil, 0, 0))
	if !ok {
		t.Fatalf("%+v is not parsed", p)
	}
	return a
}

// icmpError is what the host says of p.
func icmpError(t *testing.T, p Packet, kind, code uint8) ipPacket {
	v6 := p.Src.Is6()
	message := []byte{kind, code, 0, 0, 0, 0, 0, 0}
	return ipPacket{ownAddr(v6), p.Src, ttl, Ping.number(v6), p.append(message, 0, 0)}
}

// TestParseIP cuts packets short.
func TestParseIP(t *testing.T) {
	for _, src := range sources {
		for _, proto := range []Proto{TCP, UDP, Ping} {
			p := Packet{Src: src, Dst: ownAddr(src.Is6()), Proto: proto}
			b := p.append(nil, 0, 0)
			for n := range b {
				if ip, ok := parseIP(b[:n]); ok {
					p.answeredBy(ip)
				}
			}
		}
	}
}
