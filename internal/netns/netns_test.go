//go:build linux

package netns

import (
	"fmt"
	"net/netip"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sources has a foreign address of each family.
var sources = map[string]netip.Addr{
	"IPv4": netip.MustParseAddr("203.0.113.7"),
	"IPv6": netip.MustParseAddr("2001:db8::7"),
}

func forEachFamily(t *testing.T, test func(t *testing.T, h *Host, src netip.Addr)) {
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := New(t, "eth0")
			listen(t, h, TCP, 22)
			listen(t, h, UDP, 53)
			test(t, h, src)
		})
	}
}

func listen(t testing.TB, h *Host, proto Proto, port uint16) {
	t.Helper()
	if err := h.Listen(proto, port); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, h *Host, script string) {
	t.Helper()
	if err := h.Load(script); err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, h *Host, p Packet) Result {
	t.Helper()
	r, err := h.Send(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantAccepted(t testing.TB, h *Host, p Packet, want bool) {
	t.Helper()
	if got := send(t, h, p).Accepted; got != want {
		t.Errorf("%+v: accepted = %v, want %v", p, got, want)
	}
}

func TestNoRules(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		for _, port := range []uint16{22, 23} { // nobody listens on 23, but no rule drops it
			wantAccepted(t, h, Packet{Src: src, Proto: TCP, DstPort: port, Flags: SYN}, true)
		}
		for _, port := range []uint16{53, 54} {
			wantAccepted(t, h, Packet{Src: src, Proto: UDP, DstPort: port}, true)
		}
	})
}

func TestDrop(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, `table inet t {
			chain input {
				type filter hook input priority -10
				iifname "eth0" meta l4proto { tcp, udp } th dport { 23, 54 } drop
			}
		}`)
		for port, want := range map[uint16]bool{22: true, 23: false} {
			wantAccepted(t, h, Packet{Src: src, Proto: TCP, DstPort: port, Flags: SYN}, want)
		}
		for port, want := range map[uint16]bool{53: true, 54: false} {
			wantAccepted(t, h, Packet{Src: src, Proto: UDP, DstPort: port}, want)
		}
	})
}

func TestSource(t *testing.T) {
	h := New(t, "eth0")
	load(t, h, `table inet t {
		chain input {
			type filter hook input priority -10; policy drop
			ip saddr 192.0.2.1 tcp sport 1234 accept
			ip6 saddr 2001:db8::1 udp sport 1234 accept
		}
	}`)
	for _, test := range []struct {
		src  string
		want Proto
	}{
		{"192.0.2.1", TCP}, {"192.0.2.2", 0}, {"2001:db8::1", UDP}, {"2001:db8::2", 0},
	} {
		for _, proto := range []Proto{TCP, UDP} {
			p := Packet{Src: netip.MustParseAddr(test.src), SrcPort: 1234, Proto: proto, DstPort: 9, Flags: SYN}
			wantAccepted(t, h, p, proto == test.want)
		}
	}
}

func TestBadPacket(t *testing.T) {
	h := New(t, "eth0")
	v4, v6 := sources["IPv4"], sources["IPv6"]
	for _, p := range []Packet{
		{Src: v4, Proto: 2},
		{Src: v4, Proto: 58},
		{Proto: TCP},
		{Src: v4, Dst: v6, Proto: TCP},
		{Src: v4, Proto: Ping, Length: -1},
		{Src: v6, Proto: Ping, Length: maxEcho + 1},
	} {
		if _, err := h.Send(p); err == nil {
			t.Errorf("%+v was sent", p)
		}
	}
}

func TestLoadError(t *testing.T) {
	h := New(t, "eth0")
	err := h.Load("table inet t { nonsense }")
	if err == nil || !strings.Contains(err.Error(), "syntax error, unexpected string") {
		t.Errorf("error = %v, want nft's words", err)
	}
}

func TestListing(t *testing.T) {
	h := New(t, "wan7")
	load(t, h, "table ip6 hello {\n}\n")
	got, err := h.Nft("list", "ruleset")
	if err != nil || got != "table ip6 hello {\n}\n" {
		t.Errorf("listing = %q, %v", got, err)
	}
}

func TestListenTwice(t *testing.T) {
	h := New(t, "eth0")
	for _, proto := range []Proto{TCP, UDP, TCP, UDP} {
		listen(t, h, proto, 1)
	}
	if got, want := len(h.listening), 4; got != want {
		t.Errorf("%d sockets, want %d", got, want)
	}
}

// counters counts packets by conntrack state.
const counters = `table inet t {
	counter n_new { }
	counter n_established { }
	counter n_invalid { }
	counter n_untracked { }
	counter n_related { }
	chain input {
		type filter hook input priority -10; policy accept
		ct state new counter name n_new
		ct state established counter name n_established
		ct state invalid counter name n_invalid
		ct state untracked counter name n_untracked
		ct state related counter name n_related
	}
}`

var counted = regexp.MustCompile(`counter n_(\w+) \{\s+packets 1 `)

// wantState sends p and checks the state that conntrack gives it, if counters
// is loaded.
func wantState(t *testing.T, h *Host, p Packet, want string) {
	t.Helper()
	wantAccepted(t, h, p, true)
	listing, err := h.Nft("reset", "counters", "table", "inet", "t")
	if err != nil {
		t.Fatal(err)
	}
	found := counted.FindAllStringSubmatch(listing, -1)
	if len(found) != 1 || found[0][1] != want {
		t.Errorf("%+v: want state %s, have\n%s", p, want, listing)
	}
}

func TestConnection(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, counters)
		p := Packet{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22}
		for i, step := range []struct {
			flags TCPFlags
			want  string
		}{
			{SYN, "new"},
			{SYN, "established"}, // the SYN/ACK was sent
			{SYN, "established"},
			{ACK, "established"},
			{ACK, "established"},
			{PSH | ACK, "established"},
			{FIN | ACK, "established"},
			{ACK, "established"},
			{RST | ACK, "established"},
			{SYN, "new"},
			{ACK, "established"},
			{ACK, "established"},
		} {
			p.Flags = step.flags
			t.Run(fmt.Sprint(i), func(t *testing.T) { wantState(t, h, p, step.want) })
		}
	})
}

// TestHandshake asks the host's own TCP whether a connection is real.
func TestHandshake(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		listener := h.listening[socket{TCP, 22, src.Is6()}]
		p := Packet{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22, Flags: SYN}
		send(t, h, p)
		if _, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC); err != unix.EAGAIN {
			t.Fatalf("accept after SYN: %v, want EAGAIN", err)
		}
		p.Flags = ACK
		send(t, h, p)
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err != nil {
			t.Fatalf("accept after ACK: %v", err)
		}
		defer unix.Close(fd)
		for _, step := range []struct {
			flags TCPFlags
			want  error
		}{
			{ACK, unix.EAGAIN},
			{FIN | ACK, nil}, // the end of the stream
			{FIN | ACK, nil},
			{ACK, nil},
		} {
			p.Flags = step.flags
			send(t, h, p)
			if _, err := unix.Read(fd, make([]byte, 1)); err != step.want {
				t.Errorf("read after flags %#x: %v, want %v", step.flags, err, step.want)
			}
		}
		p.Flags = RST | ACK
		send(t, h, p)
		if len(h.connections) != 0 {
			t.Error("the connection survived its reset")
		}
	})
}

func TestStrayFlags(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, counters)
		for name, test := range map[string]struct {
			flags TCPFlags
			want  string
		}{
			"ACK":     {ACK, "new"},
			"SYN/ACK": {SYN | ACK, "invalid"},
			"RST":     {RST, "invalid"},
			"FIN":     {FIN, "invalid"},
			"NULL":    {0, "invalid"},
			"XMAS":    {FIN | PSH | URG, "invalid"},
		} {
			t.Run(name, func(t *testing.T) {
				wantState(t, h, Packet{Src: src, Proto: TCP, DstPort: 22, Flags: test.flags}, test.want)
			})
		}
	})
}

func TestDatagram(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, counters)
		answered := Packet{Src: src, SrcPort: 40000, Proto: UDP, DstPort: 53}
		silent := Packet{Src: src, SrcPort: 40001, Proto: UDP, DstPort: 53, Silent: true}
		closed := Packet{Src: src, SrcPort: 40002, Proto: UDP, DstPort: 54}
		for i, want := range []string{"new", "established", "established"} {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				wantState(t, h, answered, want)
				wantState(t, h, silent, "new")
				wantState(t, h, closed, "new")
			})
		}
	})
}

// TestEstablishedOnly shows that connections outlive a change of the rules.
func TestEstablishedOnly(t *testing.T) {
	forEachFamily(t, func(t *testing.T, h *Host, src netip.Addr) {
		load(t, h, counters)
		known := Packet{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22, Flags: SYN}
		wantAccepted(t, h, known, true)
		load(t, h, `flush table inet t
			add rule inet t input ct state established accept
			add rule inet t input drop`)
		wantAccepted(t, h, known, true)
		known.Flags = ACK
		wantAccepted(t, h, known, true)

		stranger := known
		stranger.SrcPort, stranger.Flags = 40001, SYN
		for range 3 { // an entry that is dropped at input is not kept
			wantAccepted(t, h, stranger, false)
		}
	})
}

// TestManyConnections fills far more than a listener's usual queue.
func TestManyConnections(t *testing.T) {
	const sources = 200
	h := New(t, "eth0")
	listen(t, h, TCP, 22)
	load(t, h, `table inet t {
		chain input {
			type filter hook input priority -10; policy drop
			tcp flags syn accept
			ct state established accept
		}
	}`)
	for i := range sources {
		for _, src := range []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
			netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(i)}),
		} {
			for port := range uint16(25) {
				p := Packet{Src: src, SrcPort: 1000 + port, Proto: TCP, DstPort: 22, Flags: SYN}
				wantAccepted(t, h, p, true)
				p.Flags = ACK
				wantAccepted(t, h, p, true)
			}
		}
	}
	if got, want := len(h.connections), sources*2*25; got != want {
		t.Errorf("%d connections, want %d", got, want)
	}
}

func TestManyHosts(t *testing.T) {
	const n = 100
	before := runtime.NumGoroutine()
	t.Run("hosts", func(t *testing.T) {
		hosts := make([]*Host, n)
		for i := range hosts {
			hosts[i] = New(t, "eth0")
		}
		var wg sync.WaitGroup
		for i, h := range hosts {
			wg.Go(func() {
				if err := exerciseOnly(h, uint16(1000+i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
}

// exerciseOnly lets one port through and checks that this host does, not
// another one.
func exerciseOnly(h *Host, open uint16) error {
	err := h.Load(fmt.Sprintf(`table inet t {
		chain input {
			type filter hook input priority -10; policy drop
			tcp dport %d accept
		}
	}`, open))
	if err != nil {
		return err
	}
	for port := uint16(1000); port < 1100; port++ {
		for _, src := range sources {
			r, err := h.Send(Packet{Src: src, Proto: TCP, DstPort: port, Flags: SYN})
			if err != nil {
				return err
			}
			if r.Accepted != (port == open) {
				return fmt.Errorf("host of port %d: port %d: accepted = %v", open, port, r.Accepted)
			}
		}
	}
	return nil
}
