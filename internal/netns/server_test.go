//go:build linux

package netns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// forEachServer gives a test a server that a client has a connection with: the host
// and an inner host, in each family. Rules let in what is established, and SYNs.
func forEachServer(t *testing.T, test func(t *testing.T, h *Host, p Packet)) {
	for _, name := range []string{"host", "inner host"} {
		t.Run(name, func(t *testing.T) {
			forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
				load(t, h, `table inet t { chain c {
					type filter hook prerouting priority 0; policy drop
					ct state established accept
					tcp flags syn / fin,syn,rst,ack accept
					tcp sport 22 accept
				}; }`)
				p := Packet{Src: src, SrcPort: 40000, Dst: ownAddr(src.Is6()), Proto: TCP, DstPort: 22}
				if name != "host" {
					p.Dst = innerOf(src)
				}
				wantSent(t, h, with(p, SYN), SYN|ACK)
				wantSent(t, h, with(p, ACK))
				test(t, h, p)
			})
		})
	}
}

func with(p Packet, flags TCPFlags) Packet {
	p.Flags = flags
	return p
}

// passed reports whether a packet got through to its server.
func passed(t testing.TB, h *Host, p Packet) bool {
	t.Helper()
	r := send(t, h, p)
	return r.Accepted || r.Forwarded
}

// wantSent sends a packet that gets through, and checks the flags of what is then
// sent to the client.
func wantSent(t testing.TB, h *Host, p Packet, want ...TCPFlags) {
	t.Helper()
	if !passed(t, h, p) {
		t.Errorf("%+v does not get through", p)
	}
	if got := flagsSent(t, h, p); !slices.Equal(got, want) {
		t.Errorf("%+v: the server sent %v, want %v", p, got, want)
	}
}

// flagsSent are the flags of what was sent to a client since the last call.
func flagsSent(t testing.TB, h *Host, p Packet) []TCPFlags {
	t.Helper()
	sent, err := h.Sent()
	if err != nil {
		t.Fatal(err)
	}
	var flags []TCPFlags
	for _, s := range sent {
		if s.Dst == p.flow().client {
			flags = append(flags, s.Flags)
		}
	}
	return flags
}

func TestSent(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		inner := p.Dst != ownAddr(p.Src.Is6())
		p.SrcPort = 40001
		send(t, h, with(p, SYN))
		first, err := h.Sent()
		if err != nil || len(first) != 1 {
			t.Fatalf("%+v, %v; want one segment", first, err)
		}
		c := first[0]
		want := Segment{
			Src: netip.AddrPortFrom(p.Dst, 22), Dst: netip.AddrPortFrom(p.Src, 40001),
			Seq: c.Seq, Ack: c.Ack, Flags: SYN | ACK, Inner: inner,
		}
		if c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
		send(t, h, with(p, ACK))
		send(t, h, with(p, FIN|ACK))
		second, err := h.Sent()
		want.Seq, want.Ack, want.Flags = c.Seq+1, c.Ack+1, ACK
		if err != nil || !slices.Equal(second, []Segment{want}) {
			t.Errorf("%+v, %v; want %+v", second, err, want)
		}
	})
}

// TestSentAfterFlood shows that a flood does not fill the memory, and takes nothing
// from what was sent before.
func TestSentAfterFlood(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		syn := Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN}
		send(t, h, syn)
		flood(t, h, spoofed(syn, 1000), 1000)
		syn.Dst = innerOf(src)
		flood(t, h, spoofed(syn, 1000), 1000)
		if sent, err := h.Sent(); err != nil || len(sent) != 1 {
			t.Errorf("%d segments, %v; want one", len(sent), err)
		}
		if n := len(h.peers); n != 0 {
			t.Errorf("inner hosts know %d connections", n)
		}
	})
}

func TestForgetFlows(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		other := with(p, SYN)
		other.Src = sources["IPv4"]
		if p.Src.Is4() {
			other.Src = sources["IPv6"]
		}
		if other.Dst = innerOf(other.Src); !passed(t, h, other) {
			t.Errorf("%+v does not get through", other)
		}
		for range 2 { // the second time there are none
			if err := h.ForgetFlows(); err != nil {
				t.Fatal(err)
			}
			for _, p := range []Packet{with(p, ACK), with(other, ACK)} {
				if passed(t, h, p) {
					t.Errorf("%+v gets through on a forgotten flow", p)
				}
			}
		}
		load(t, h, "add rule inet t c accept")
		wantSent(t, h, with(p, ACK))          // both ends know the connection as ever
		wantSent(t, h, with(p, FIN|ACK), ACK) // conntrack picks it up
	})
}

func TestCloseServer(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		wantEnd(t, h, h.CloseServer, p, FIN|ACK)
		wantSent(t, h, with(p, ACK))
		wantSent(t, h, with(p, ACK))
		wantSent(t, h, with(p, FIN|ACK), ACK)
		wantSent(t, h, with(p, ACK))
		wantSent(t, h, with(p, SYN), SYN|ACK) // a new connection
		wantSent(t, h, with(p, ACK))
	})
}

// TestCloseServerLast has a client that closed first.
func TestCloseServerLast(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		wantSent(t, h, with(p, FIN|ACK), ACK)
		wantEnd(t, h, h.CloseServer, p, FIN|ACK)
		wantSent(t, h, with(p, ACK))
		wantSent(t, h, with(p, SYN), SYN|ACK)
	})
}

func TestAbortServer(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		wantEnd(t, h, h.AbortServer, p, RST|ACK)
		wantSent(t, h, with(p, SYN), SYN|ACK)
		wantSent(t, h, with(p, ACK))
		wantEnd(t, h, h.AbortServer, p, RST|ACK)
		load(t, h, "add rule inet t c accept")
		wantSent(t, h, with(p, ACK), RST)
	})
}

// wantEnd ends a connection, and checks the flags of the segment that says so.
func wantEnd(t *testing.T, h *Host, end func(Packet) error, p Packet, want TCPFlags) {
	t.Helper()
	if err := end(p); err != nil {
		t.Fatal(err)
	}
	if got := flagsSent(t, h, p); !slices.Equal(got, []TCPFlags{want}) {
		t.Errorf("the server sent %v, want %v", got, want)
	}
	if err := end(p); err == nil {
		t.Error("the connection ends twice")
	}
}

// TestNoServer has connections that cannot be ended.
func TestNoServer(t *testing.T) {
	forEachServer(t, func(t *testing.T, h *Host, p Packet) {
		unknown, half, reset := p, p, p
		unknown.DstPort = 23
		half.SrcPort, reset.SrcPort = 40001, 40002
		send(t, h, with(half, SYN))
		for _, flags := range []TCPFlags{SYN, ACK, RST | ACK} {
			send(t, h, with(reset, flags))
		}
		for _, end := range []func(Packet) error{h.CloseServer, h.AbortServer} {
			for p, why := range map[Packet]string{unknown: "not established", half: "not established", reset: ""} {
				if err := end(p); err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("%+v: %v", p, err)
				}
			}
		}
		if err := h.CloseServer(Packet{Src: p.Src, Proto: 2}); err == nil {
			t.Error("a connection of another protocol was closed")
		}
	})
}

// TestTranslatedServer ends connections by the addresses that their client knows.
func TestTranslatedServer(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, `table inet t { chain c {
			type nat hook prerouting priority dstnat
			tcp dport 2222 redirect to :22
			tcp dport 8080 dnat ip to 10.66.2.2:80
			tcp dport 8080 dnat ip6 to [2001:db8:66::2]:80
		}; }`)
		p := Packet{Src: src, SrcPort: 40000, Proto: TCP}
		for _, p.DstPort = range []uint16{2222, 8080} {
			wantSent(t, h, with(p, SYN), SYN|ACK)
			wantSent(t, h, with(p, ACK))
		}
		for _, p.DstPort = range []uint16{2222, 8080} {
			wantEnd(t, h, h.CloseServer, p, FIN|ACK)
			wantSent(t, h, with(p, FIN|ACK), ACK)
		}
	})
}

func TestUnlisten(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		old := Packet{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22}
		syn := Packet{Src: src, Proto: TCP, DstPort: 22, Flags: SYN}
		datagram := Packet{Src: src, Proto: UDP, DstPort: 53}
		wantSent(t, h, with(old, SYN), SYN|ACK)
		wantSent(t, h, with(old, ACK))
		for proto, port := range map[Proto]uint16{TCP: 22, UDP: 53} {
			if err := h.Unlisten(proto, port); err != nil {
				t.Fatal(err)
			}
			if err := h.Unlisten(proto, port); err == nil {
				t.Errorf("%v port %d was closed twice", proto, port)
			}
		}
		if got := flagsSent(t, h, old); got != nil {
			t.Errorf("closing the port sent %v", got)
		}
		wantResult(t, h, syn, true, Reset)
		wantResult(t, h, datagram, true, Unreachable)
		wantSent(t, h, with(old, ACK))
		listen(t, h, TCP, 22)
		listen(t, h, UDP, 53)
		wantResult(t, h, syn, true, OtherAnswer)
		wantResult(t, h, datagram, true, OtherAnswer)
		wantEnd(t, h, h.CloseServer, old, FIN|ACK)
	})
}
