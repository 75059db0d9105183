package spec

import (
	"net/netip"
	"testing"

	"example.org/knockc/internal/netns"
)

// published sends a port of the host on to the inner host, as container runtimes and
// routers do.
const published = `
table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		meta nfproto ipv4 fib daddr type local tcp dport 8080 dnat ip to 10.66.2.2:80
		meta nfproto ipv6 fib daddr type local tcp dport 8080 dnat ip6 to [2001:db8:66::2]:80
		meta nfproto ipv4 fib daddr type local udp dport 5353 dnat ip to 10.66.2.2:53
		meta nfproto ipv6 fib daddr type local udp dport 5353 dnat ip6 to [2001:db8:66::2]:53
	}
}
`

// TestPublishedPortOnKernel: a port that is sent on to another host is guarded as its
// sender named it.
func TestPublishedPortOnKernel(t *testing.T) {
	l := netns.NewLab(t)
	l.Inner.Serve(t, "80")
	mailbox := l.Inner.Mailbox(t, 53)
	inLab(t, l, []situation{
		{"a stranger is shut out, the knock opens", "knock web < 7001 9002 8003 -> 8080 grant 1m close 7003 7004 >", published, func(h *house) {
			a, b := h.stranger(), h.stranger()
			a.finds(netns.Silent, 8080)
			a.knocks(7001, 9002)
			a.finds(netns.Silent, 8080)
			a.knocks(8003)
			b.finds(netns.Silent, 8080)
			c := a.connects(8080)
			c.goesOn()
			a.finds(netns.Open, 8080)
			a.knocks(7003, 7004)
			a.finds(netns.Silent, 8080)
			c.goesOn()
		}},
		{"once works once", "knock web < 7001 9002 8003 -> 8080 grant 1m once >", published, func(h *house) {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			c := a.connects(8080)
			a.finds(netns.Silent, 8080)
			c.goesOn()
		}},
		{"refuse reject looks closed", "refuse reject\nknock web < 7001 9002 8003 -> 8080 grant 1m >", published, func(h *house) {
			a := h.stranger()
			a.finds(netns.Refused, 8080)
			a.knocks(7001, 9002, 8003)
			a.finds(netns.Open, 8080)
		}},
		{"default drop lets it through as well", "default drop\nknock web < 7001 9002 8003 -> 8080 grant 1m >", published, func(h *house) {
			a := h.stranger()
			a.finds(netns.Silent, 8080)
			a.knocks(7001, 9002, 8003)
			a.connects(8080).goesOn()
		}},
		{"default drop leaves a published port alone that no knock names", "default drop\nknock ssh < 7001 9002 8003 -> 22 >", published, func(h *house) {
			h.stranger().finds(netns.Open, 8080)
		}},
		{"a trusted source need not knock", "trust 198.51.100.0/24 2001:db8:c::/64\ndefault drop\nknock web < 7001 9002 8003 -> 8080 >", published, func(h *house) {
			h.stranger().finds(netns.Open, 8080)
		}},
		{"datagrams", "knock dns < 7001 9002 8003 -> udp/5353 grant 1m once >", published, func(h *house) {
			a := h.stranger()
			a.sends(mailbox, 5353, false)
			a.knocks(7001, 9002, 8003)
			a.sends(mailbox, 5353, true)
			a.sends(mailbox, 5353, false)
		}},
	})
}

// transparent takes connections that go through the host to itself, as a proxy does.
const transparent = `
table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		meta nfproto ipv4 ip daddr 10.66.2.0/24 tcp dport 22 dnat ip to 192.0.2.1
		meta nfproto ipv6 ip6 daddr 2001:db8:66::/64 tcp dport 22 dnat ip6 to 2001:db8::1
		ip daddr 10.66.2.0/24 udp dport 53 redirect
		ip6 daddr 2001:db8:66::/64 udp dport 53 redirect
	}
}
`

// transparentElsewhere takes them at another port.
const transparentElsewhere = `
table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 10.66.2.0/24 tcp dport 8080 dnat ip to 192.0.2.1:22
		ip6 daddr 2001:db8:66::/64 tcp dport 8080 dnat ip6 to [2001:db8::1]:22
	}
}
`

// TestTransparentProxyOnKernel: a port of another host that is sent to the host itself is
// a service of the host, and shut.
func TestTransparentProxyOnKernel(t *testing.T) {
	l := netns.NewLab(t)
	l.Host.Serve(t, "22")
	mailbox := l.Host.Mailbox(t, 53)
	inner := func(h *house, port uint16) netip.AddrPort { return netns.LabInner.Of(h.v6, port) }
	inLab(t, l, []situation{
		{"shut without a knock", "knock ssh < 7001 9002 8003 -> 22 grant 1m >", transparent, func(h *house) {
			a, b := h.stranger(), h.stranger()
			a.findsAt(netns.Silent, inner(h, 22))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, inner(h, 22))
			a.finds(netns.Open, 22)
			b.findsAt(netns.Silent, inner(h, 22))
		}},
		{"once works once", "knock ssh < 7001 9002 8003 -> 22 grant 1m once >", transparent, func(h *house) {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, inner(h, 22))
			a.findsAt(netns.Silent, inner(h, 22))
			a.finds(netns.Silent, 22)
		}},
		{"once is used up at the host's own address", "knock ssh < 7001 9002 8003 -> 22 grant 1m once >", transparent, func(h *house) {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.finds(netns.Open, 22)
			a.findsAt(netns.Silent, inner(h, 22))
		}},
		{"a grant for the port that was named there opens nothing", "knock a < 7001 7002 -> 8080 grant 1m >\nknock b < 7003 7004 -> 22 grant 1m >", transparentElsewhere, func(h *house) {
			a := h.stranger()
			a.knocks(7001, 7002)
			a.findsAt(netns.Silent, inner(h, 8080))
			a.knocks(7003, 7004)
			a.findsAt(netns.Open, inner(h, 8080))
		}},
		{"refuse reject looks closed", "refuse reject\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", transparent, func(h *house) {
			h.stranger().findsAt(netns.Refused, inner(h, 22))
		}},
		{"default drop", "default drop\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", transparent, func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, inner(h, 22))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, inner(h, 22))
		}},
		{"a trusted source need not knock", "trust 198.51.100.0/24 2001:db8:c::/64\ndefault drop\nknock ssh < 7001 9002 8003 -> 22 >", transparent, func(h *house) {
			h.stranger().findsAt(netns.Open, inner(h, 22))
		}},
		{"datagrams", "knock dns < 7001 9002 8003 -> udp/53 grant 1m once >", transparent, func(h *house) {
			a := h.stranger()
			a.sendsAt(mailbox, inner(h, 53), false)
			a.knocks(7001, 9002, 8003)
			a.sendsAt(mailbox, inner(h, 53), true)
			a.sendsAt(mailbox, inner(h, 53), false)
		}},
	})
}
