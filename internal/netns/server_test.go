package netns

import (
	"net/netip"
	"slices"
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
