//go:build linux

package netns

import (
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

func TestInterfaces(t *testing.T) {
	names := []string{"eth0", "br-lan", "wan.100", "wg0"}
	packets := []Packet{
		{Proto: TCP, DstPort: 22, Flags: SYN},
		{Proto: UDP, DstPort: 53},
		{Proto: Ping, Length: 5000},
	}
	for _, only := range names {
		t.Run(only, func(t *testing.T) {
			t.Parallel()
			h := New(t, names...)
			listen(t, h, TCP, 22)
			listen(t, h, UDP, 53)
			load(t, h, `table inet t {
				chain input {
					type filter hook input priority -10; policy drop
					iifname "`+only+`" accept
				}
			}`)
			for _, src := range sources {
				for _, p := range packets {
					p.Src = src
					for _, p.Iface = range names {
						answer := NoAnswer
						if p.Iface == only {
							answer = OtherAnswer
						}
						wantResult(t, h, p, p.Iface == only, answer)
					}
					p.Iface = ""
					wantAccepted(t, h, p, only == names[0])
				}
			}
		})
	}
}

// TestConnectionElsewhere has a connection that enters by an interface without
// routes and is known by its addresses alone.
func TestConnectionElsewhere(t *testing.T) {
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			h := New(t, "wan0", "lan0")
			listen(t, h, TCP, 22)
			load(t, h, counters)
			p := Packet{Src: src, SrcPort: 40000, Proto: TCP, DstPort: 22}
			for _, step := range []struct {
				flags TCPFlags
				iface string
				want  string
			}{
				{SYN, "lan0", "new"},
				{ACK, "lan0", "established"},
				{ACK, "wan0", "established"},
				{FIN | ACK, "lan0", "established"},
			} {
				p.Flags, p.Iface = step.flags, step.iface
				wantState(t, h, p, step.want)
			}
		})
	}
}

// TestLinkLocal has sources that are answered on the interface they are on.
func TestLinkLocal(t *testing.T) {
	h := New(t, "eth0", "eth1")
	load(t, h, rejectAll)
	for _, iface := range []string{"eth0", "eth1"} {
		for _, proto := range []Proto{TCP, UDP, Ping} {
			for _, src := range []string{"fe80::7", "169.254.0.7"} {
				p := Packet{Src: netip.MustParseAddr(src), Proto: proto, DstPort: 9, Flags: SYN, Iface: iface}
				wantResult(t, h, p, false, Unreachable)
			}
		}
	}
}

func TestUnknownInterface(t *testing.T) {
	h := New(t, "eth0", "eth1")
	for _, name := range []string{"eth2", "lo"} {
		_, err := h.Send(Packet{Src: sources["IPv4"], Proto: UDP, DstPort: 1, Iface: name})
		if err == nil || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("error = %v, want one that names %s", err, name)
		}
	}
}

func TestBadInterfaces(t *testing.T) {
	for _, names := range [][]string{
		nil,
		{""},
		{"eth0", "eth0"},
		{"eth%d"},
		{"a/b"},
		{"sixteen-letters!"},
	} {
		h, err := open(names...)
		if err == nil {
			h.Close()
			t.Errorf("%q: no error", names)
		} else if Unable(err) {
			t.Errorf("%q: %v: blames the machine", names, err)
		}
	}
}

// TestNewHost: interfaces have the indices that were asked for, and a forwarded packet is
// known whatever the host makes of its source.
func TestNewHost(t *testing.T) {
	New(t, "eth0") // skips where there can be no host
	h, err := NewHost(Interface{"ens3", 7}, Interface{"br-lan", 3})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ip := func(line string) func() error { return exec.Command("ip", strings.Fields(line)...).Run }
	for _, line := range []string{
		"link set ens3 up", "link set br-lan up", "address add 192.0.2.1/24 dev ens3", "address add 10.0.0.1/24 dev br-lan", "route add default dev ens3",
	} {
		if err := h.Do(ip(line)); err != nil {
			t.Fatalf("ip %s: %v", line, err)
		}
	}
	if err := h.Do(func() error { return writeSysctl("ipv4/ip_forward", "1") }); err != nil {
		t.Fatal(err)
	}
	if err := h.Load("table ip nat {\n chain post {\n type nat hook postrouting priority srcnat\n iif 7 oif 3 masquerade\n }\n}"); err != nil {
		t.Fatal(err)
	}
	r, err := h.Send(Packet{Src: netip.MustParseAddr("198.51.100.7"), Dst: netip.MustParseAddr("10.0.0.5"), Proto: TCP, DstPort: 80, Flags: SYN, Iface: "ens3", Silent: true})
	if to := netip.MustParseAddrPort("10.0.0.5:80"); err != nil || !r.Forwarded || r.To != to {
		t.Errorf("%+v, %v; want forwarded to %v", r, err, to)
	}
}

// TestTakenNameOnKernel: a host may have an interface with the name or the index of one that
// every namespace has.
func TestTakenNameOnKernel(t *testing.T) {
	h, err := NewHost(Interface{Name: "eth0", Index: 1}, Interface{Name: "lo", Index: 7})
	if err != nil {
		if Unable(err) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	defer h.Close()
	err = h.Do(func() error {
		for name, want := range map[string]bool{"moved1": true, "lo": false, "eth0": false} {
			link, err := net.InterfaceByName(name)
			if err != nil || (link.Index == 1) != want {
				t.Errorf("%s: %v, %v", name, link, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
