package spec

import (
	"net/netip"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// The inner host's other addresses, one of which no knock names.
var (
	innerOther   = netns.Addresses{netip.MustParseAddr("10.66.2.3"), netip.MustParseAddr("2001:db8:66::3")}
	innerUnnamed = netns.Addresses{netip.MustParseAddr("10.66.2.9"), netip.MustParseAddr("2001:db8:66::9")}
)

const (
	atInner = " at 10.66.2.2 2001:db8:66::2 "
	atOther = " at 10.66.2.3 2001:db8:66::3 "
)

// portForwarding leads to the inner host under other names.
const portForwarding = `
table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		meta nfproto ipv4 ip daddr { 192.0.2.1, 10.66.2.9 } tcp dport { 22, 2222 } dnat ip to 10.66.2.2:22
		meta nfproto ipv6 ip6 daddr { 2001:db8::1, 2001:db8:66::9 } tcp dport { 22, 2222 } dnat ip6 to [2001:db8:66::2]:22
		meta nfproto ipv4 ip daddr { 192.0.2.1, 10.66.2.9 } tcp dport 2223 dnat ip to 10.66.2.3:22
		meta nfproto ipv6 ip6 daddr { 2001:db8::1, 2001:db8:66::9 } tcp dport 2223 dnat ip6 to [2001:db8:66::3]:22
	}
}
`

// newInnerLab is a lab whose inner host has services at three addresses.
func newInnerLab(t *testing.T) *netns.Lab {
	t.Helper()
	l := netns.NewLab(t)
	for _, a := range []netns.Addresses{innerOther, innerUnnamed} {
		l.Inner.IP(t, "address add "+a[0].String()+"/24 dev eth0", "address add "+a[1].String()+"/64 dev eth0 nodad")
	}
	for _, port := range []string{"22", "80", "2222"} {
		l.Inner.Serve(t, port)
	}
	l.Host.Serve(t, "80")
	return l
}

// at is where a port is in the house's family.
func (h *house) at(a netns.Addresses, port uint16) netip.AddrPort { return a.Of(h.v6, port) }

// knocksAt is knocks at another address than the host's.
func (g guest) knocksAt(a netns.Addresses, ports ...uint16) {
	g.T.Helper()
	for _, port := range ports {
		g.outcome(a.Of(g.v6, port))
	}
}

// TestElsewhereOnKernel: services at other hosts that this one forwards to.
func TestElsewhereOnKernel(t *testing.T) {
	inLab(t, newInnerLab(t), []situation{
		{"shut, opens by a knock at the host", "knock nas < 7001 9002 8003 -> 22" + atInner + "grant 1m close 7003 7004 >", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
			a.knocks(7001, 9002, 8003)
			c, _ := a.Connect(h.T, h.at(netns.LabInner, 22))
			if c == nil {
				h.Fatal("shut after the knock")
			}
			conversation{h.T, c}.goesOn()
			h.stranger().findsAt(netns.Silent, h.at(netns.LabInner, 22))
			a.knocks(7003, 7004)
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
			conversation{h.T, c}.goesOn()
		}},
		{"opens by a knock there, but by none at others", "default drop\nknock nas < 7001 9002 8003 -> 22" + atInner + "grant 1m >", "", func(h *house) {
			a := h.stranger()
			a.knocksAt(innerOther, 7001, 9002, 8003)
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
			a.knocksAt(netns.LabInner, 7001, 9002)
			a.knocks(8003)
			a.findsAt(netns.Open, h.at(netns.LabInner, 22))
		}},
		{"all else is left alone", "default drop\nrefuse reject\nknock nas < 7001 9002 8003 -> 22" + atInner + ">", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Open, h.at(netns.LabInner, 80))
			a.findsAt(netns.Open, h.at(innerOther, 22))
			a.findsAt(netns.Refused, h.at(netns.LabInner, 22))
			h.insider().findsAt(netns.Refused, a.Of(h.v6, 22))
		}},
		{"once works once", "knock nas < 7001 9002 8003 -> 22" + atInner + "grant 1m once >", "", func(h *house) {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, h.at(netns.LabInner, 22))
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
		}},
		{"a network", "knock nas < 7001 9002 8003 -> 22 at 10.66.2.0/24 2001:db8:66::/64 grant 1m once >", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, h.at(innerOther, 22))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, h.at(innerUnnamed, 22))
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
		}},
		{"each its own", "knock a < 7001 7002 -> 22" + atInner + "grant 1m >\nknock b < 7003 7004 -> 22" + atOther + "grant 1m >", "", func(h *house) {
			a := h.stranger()
			a.knocks(7001, 7002)
			a.findsAt(netns.Open, h.at(netns.LabInner, 22))
			a.findsAt(netns.Silent, h.at(innerOther, 22))
		}},
		{"an address of the host itself", "knock own < 7001 7002 -> 80 at 192.0.2.1 2001:db8::1 grant 1m once >", "", func(h *house) {
			a := h.stranger()
			a.finds(netns.Silent, 80)
			a.findsAt(netns.Open, netip.AddrPortFrom(map[bool]netip.Addr{false: netip.MustParseAddr("10.66.2.1"), true: netip.MustParseAddr("2001:db8:66::1")}[h.v6], 80))
			a.knocks(7001, 7002)
			a.finds(netns.Open, 80)
			a.finds(netns.Silent, 80)
		}},
		{"a trusted source need not knock", trusted + "knock nas < 7001 9002 8003 -> 22" + atInner + ">", portForwarding, func(h *house) {
			h.stranger().findsAt(netns.Open, h.at(netns.LabInner, 22))
			h.stranger().finds(netns.Open, 2222)
		}},
	})
}

// TestForwardedToElsewhereOnKernel: the same services, under names that the host
// translates.
func TestForwardedToElsewhereOnKernel(t *testing.T) {
	const nas = "knock nas < 7001 9002 8003 -> 22" + atInner + "grant 1m "
	inLab(t, newInnerLab(t), []situation{
		{"shut, opens by the knock", nas + ">", portForwarding, func(h *house) {
			a := h.stranger()
			for _, port := range []uint16{22, 2222} {
				a.finds(netns.Silent, port)
				a.findsAt(netns.Silent, h.at(innerUnnamed, port))
			}
			a.knocks(7001, 9002, 8003)
			for _, port := range []uint16{22, 2222} {
				a.finds(netns.Open, port)
				a.findsAt(netns.Open, h.at(innerUnnamed, port))
			}
		}},
		{"shut, default drop", "default drop\n" + nas + ">", portForwarding, func(h *house) {
			h.stranger().finds(netns.Silent, 22, 2222)
			h.stranger().finds(netns.Open, 2223)
		}},
		{"refuse reject looks closed", "refuse reject\n" + nas + ">", portForwarding, func(h *house) {
			h.stranger().finds(netns.Refused, 22, 2222)
		}},
		{"once works once, by whatever name", nas + "once >", portForwarding, func(h *house) {
			inner := h.at(netns.LabInner, 22)
			for _, name := range []netip.AddrPort{
				inner, h.at(netns.LabHost, 22), h.at(netns.LabHost, 2222), h.at(innerUnnamed, 22), h.at(innerUnnamed, 2222),
			} {
				a := h.stranger()
				a.knocks(7001, 9002, 8003)
				a.findsAt(netns.Open, name)
				for _, again := range []netip.AddrPort{name, inner, h.at(netns.LabHost, 22), h.at(netns.LabHost, 2222), h.at(innerUnnamed, 22)} {
					a.findsAt(netns.Silent, again)
				}
			}
		}},
		{"a grant for another address opens nothing", "knock nas < 7001 9002 8003 -> 22" + atInner + "grant 1m >\nknock b < 7003 7004 -> 22" + atOther + "grant 1m >", portForwarding, func(h *house) {
			a := h.stranger()
			a.knocks(7003, 7004)
			a.finds(netns.Open, 2223)
			a.finds(netns.Silent, 2222)
			a.finds(netns.Silent, 22)
			a.findsAt(netns.Silent, h.at(innerUnnamed, 22))
		}},
		{"an open port of the host does not open it", "open 22 2222 from 198.51.100.0/24 2001:db8:c::/64\n" + nas + ">", portForwarding, func(h *house) {
			h.stranger().finds(netns.Silent, 22, 2222)
		}},
		{"guarded under its name as well", "knock out < 7003 7004 -> 2222 grant 1m once >\n" + nas + ">", portForwarding, func(h *house) {
			a := h.stranger()
			a.finds(netns.Silent, 2222)
			a.knocks(7003, 7004)
			a.finds(netns.Open, 2222) // as it was named
			a.finds(netns.Silent, 2222)
			a.findsAt(netns.Silent, h.at(netns.LabInner, 22))
		}},
	})
}

// TestStaleConnectionElsewhereOnKernel: nor does a SYN on the five-tuple of an old
// connection get to another host.
func TestStaleConnectionElsewhereOnKernel(t *testing.T) {
	const policy = "knock nas < 7001 9002 8003 -> 22 at 10.66.2.2 2001:db8:66::2 grant 1m close 7003 7004 >"
	more := strings.NewReplacer("192.0.2.1", "198.18.0.1", "2001:db8::1", "fd00:6b6e::1").Replace(portForwarding)
	for family, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		for name, to := range map[string]netip.AddrPort{
			"by its name": netns.LabInner.Of(v6, 22), "by another port": callees.Of(v6, 2222), "by another host": innerUnnamed.Of(v6, 22),
		} {
			for settings, text := range map[string]string{"": "", ", refuse reject": "refuse reject\n", ", once": ""} {
				t.Run(name+settings+" "+family, func(t *testing.T) {
					text += policy
					if settings == ", once" {
						text = strings.Replace(text, "close", "once close", 1)
					}
					h, _ := edgeHost(t, text, more)
					p := netns.Packet{Src: callers[0], SrcPort: 40001, Proto: netns.TCP, Dst: to.Addr(), DstPort: to.Port()}
					if v6 {
						p.Src = callers[1]
					}
					staleElsewhere(t, h, p, settings == ", once")
				})
			}
		}
	}
}

// staleElsewhere has a conversation with the service, and asks for another from the same
// port when the grant is over.
func staleElsewhere(t *testing.T, h *netns.Host, p netns.Packet, once bool) {
	t.Helper()
	v := visitor{t, h, p.Src}
	sends := func(flags lang.Flags, forwarded bool, answer ...netns.Answer) {
		t.Helper()
		p.Flags = netns.TCPFlags(flags)
		r := send(t, h, p)
		if r.Forwarded != forwarded {
			t.Errorf("%v: forwarded is %v", flags, r.Forwarded)
		}
		if len(answer) > 0 && r.Answer != answer[0] {
			t.Errorf("%v: %v", flags, r.Answer)
		}
	}
	for _, port := range []uint16{7001, 9002, 8003} {
		v.accepted(port)
	}
	sends(lang.SYN, true)
	sends(lang.SYN, !once) // sent again
	sends(lang.ACK, true)
	for _, port := range []uint16{7003, 7004} {
		v.accepted(port)
	}
	for range 3 {
		sends(lang.SYN, false, netns.NoAnswer)
	}
	sends(lang.ACK, true)
	sends(lang.FIN|lang.ACK, true)
	sends(lang.SYN, false, netns.NoAnswer)
	sends(lang.RST, true)
	sends(lang.SYN, false)
}
