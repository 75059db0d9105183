//go:build linux

package netns

import (
	"io"
	"net"
	"net/netip"
	"testing"
)

// forEachTarget has the lab's host and its inner host, in each family.
func forEachTarget(t *testing.T, test func(t *testing.T, v6 bool, target Addresses)) {
	for name, target := range map[string]Addresses{"host": LabHost, "inner": LabInner} {
		for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
			t.Run(name+" "+family, func(t *testing.T) { test(t, v6, target) })
		}
	}
}

func TestLab(t *testing.T) {
	l := NewLab(t)
	mailboxes := map[Addresses]Mailbox{}
	for ns, target := range map[Namespace]Addresses{l.Host: LabHost, l.Inner: LabInner} {
		ns.Serve(t, "22")
		mailboxes[target] = ns.Mailbox(t, 53)
	}
	l.Host.Load(t, `table inet t {
		chain input {
			type filter hook input priority 0
			meta l4proto { tcp, udp } th dport 24 drop
		}
		chain forward {
			type filter hook forward priority 0
			meta l4proto { tcp, udp } th dport 24 drop
		}
	}`)
	v := l.Visitor(7)
	forEachTarget(t, func(t *testing.T, v6 bool, target Addresses) {
		for range 20 {
			for port, want := range map[uint16]Outcome{22: Open, 23: Refused, 24: Silent} {
				c, o := v.Connect(t, target.Of(v6, port))
				if o != want {
					t.Errorf("port %d: %s, want %s", port, o, want)
				}
				if c != nil {
					wantEcho(t, c, v.Of(v6, 0).Addr())
				}
			}
			for port, want := range map[uint16]Outcome{53: Sent, 23: Refused, 24: Sent} {
				if o := v.Datagram(t, target.Of(v6, port)); o != want {
					t.Errorf("udp port %d: %s, want %s", port, o, want)
				}
			}
			if n := mailboxes[target].Take(t); n != 1 {
				t.Errorf("%d datagrams received, want 1", n)
			}
		}
	})
}

func wantEcho(t *testing.T, c net.Conn, src netip.Addr) {
	t.Helper()
	defer c.Close()
	if got := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); got != src {
		t.Errorf("connected from %v, want %v", got, src)
	}
	b := make([]byte, 5)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Errorf("received %q, %v", b, err)
	}
}
