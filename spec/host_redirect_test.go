package spec

import (
	"slices"
	"testing"

	"example.org/knockc/internal/netns"
)

// redirected sends ports of the host to other ports of it.
const redirected = `
table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 2222 redirect to :22
		tcp dport 2223 redirect to :81
		tcp dport 8080 redirect to :80
		tcp dport 8443 redirect to :81
		udp dport 5353 redirect to :53
	}
}
`

const trusted = "trust 198.51.100.0/24 2001:db8:c::/64\n"

// TestRedirectedPortOnKernel has ports 2222 and 22, and says which of them a policy
// guards.
func TestRedirectedPortOnKernel(t *testing.T) {
	l := netns.NewLab(t)
	for _, port := range []string{"22", "80", "81"} {
		l.Host.Serve(t, port)
	}
	inLab(t, l, slices.Concat(redirectsGuarded, redirectsOfBoth, redirectsOfOpen))
}

var redirectsGuarded = []situation{
	{"2222 is guarded", "knock ssh < 7001 9002 8003 -> 2222 grant 1m close 7003 7004 >", redirected, func(h *house) {
		a, b := h.stranger(), h.stranger()
		a.finds(netns.Silent, 2222)
		a.finds(netns.Open, 22) // nobody guards it
		a.knocks(7001, 9002, 8003)
		c := a.connects(2222)
		a.finds(netns.Open, 2222)
		b.finds(netns.Silent, 2222)
		a.knocks(7003, 7004)
		a.finds(netns.Silent, 2222)
		c.goesOn()
	}},
	{"2222 is guarded, once", "knock ssh < 7001 9002 8003 -> 2222 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.knocks(7001, 9002, 8003)
		a.connects(2222).goesOn()
		a.finds(netns.Silent, 2222)
	}},
	{"2222 is guarded, default drop", "default drop\nknock ssh < 7001 9002 8003 -> 2222 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.connects(2222).goesOn()
		a.finds(netns.Silent, 2222, 22)
	}},
	{"2222 is guarded, small sets", "size 8\ndefault drop\nknock ssh < 7001 9002 8003 -> 2222 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.knocks(7001, 9002, 8003)
		for range 20 {
			a.finds(netns.Open, 2222)
		}
	}},
	{"22 is guarded, 2222 is shut as well", "knock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.connects(2222).goesOn()
		a.finds(netns.Open, 22, 2222)
		h.stranger().finds(netns.Silent, 2222, 22)
	}},
	{"22 is guarded, once", "knock ssh < 7001 9002 8003 -> 22 grant 1m once >", redirected, func(h *house) {
		for _, port := range []uint16{2222, 22} {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.connects(port).goesOn()
			a.finds(netns.Silent, 2222, 22)
		}
	}},
	{"22 is guarded, refuse reject", "refuse reject\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Refused, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222, 22)
	}},
	{"22 is guarded, default drop", "default drop\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222, 22)
	}},
	{"22 is guarded, open 2222 does not open it", "open 2222\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222, 22)
	}},
	{"22 is guarded in a range", "knock ssh < 7001 9002 8003 -> 20-30 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 2222, 22)
	}},
	{"2222 is guarded in a range", "knock ssh < 7001 9002 8003 -> 2000-3000 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 2222)
	}},
	{"a step that leads to 22 moves the knock, and is shut", "knock ssh < 2222 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 2222)
		a.knocks(9002, 8003)
		a.finds(netns.Open, 22, 2222)
	}},
	{"a step that leads elsewhere moves the knock, and is answered", "knock ssh < 8080 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Open, 8080)
		a.knocks(9002, 8003)
		a.finds(netns.Open, 22)
	}},
	{"what leads to a step is none", "knock web < 81 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Open, 2223)
		a.knocks(9002, 8003)
		a.finds(netns.Silent, 22)
		a.finds(netns.Open, 81)
		a.knocks(9002, 8003)
		a.finds(netns.Open, 22)
	}},
}

const twoKnocks = "knock a < 7001 7002 7003 -> 2222 grant 1m >\nknock b < 7004 7005 7006 -> 22 grant 1m >"

var redirectsOfBoth = []situation{
	{"both are guarded by different knocks", twoKnocks, redirected, func(h *house) {
		a, b := h.stranger(), h.stranger()
		a.finds(netns.Silent, 2222, 22)
		a.knocks(7001, 7002, 7003)
		a.finds(netns.Open, 2222) // as it was named
		a.finds(netns.Silent, 22)
		b.knocks(7004, 7005, 7006)
		b.finds(netns.Silent, 2222)
		b.finds(netns.Open, 22)
	}},
	{"both are guarded by different knocks, default drop", "default drop\n" + twoKnocks, redirected, func(h *house) {
		a, b := h.stranger(), h.stranger()
		a.knocks(7001, 7002, 7003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 22)
		b.knocks(7004, 7005, 7006)
		b.finds(netns.Silent, 2222)
		b.finds(netns.Open, 22)
	}},
	{"both are guarded by different knocks, the first once", "knock a < 7001 7002 7003 -> 2222 grant 1m once >\nknock b < 7004 7005 7006 -> 22 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.knocks(7001, 7002, 7003, 7004, 7005, 7006)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 2222)
		a.finds(netns.Open, 22)
		a.finds(netns.Silent, 22, 2222)
	}},
	{"both are guarded by one knock, once", "knock ssh < 7001 9002 8003 -> 22 2222 grant 1m once >", redirected, func(h *house) {
		for _, port := range []uint16{2222, 22} {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.connects(port).goesOn()
			a.finds(netns.Silent, 22, 2222)
		}
	}},
	{"2222 is guarded elsewhere: that grant does not lead to 22", "knock nas < 7001 9002 -> 2222 at 10.66.2.2 2001:db8:66::2 grant 1m >\nknock ssh < 7004 7005 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.knocks(7001, 9002)
		a.finds(netns.Silent, 22, 2222)
		a.knocks(7004, 7005)
		a.finds(netns.Open, 22, 2222)
	}},
	{"2222 is guarded by its address, default drop", "default drop\nknock ssh < 7001 9002 -> 2222 at 192.0.2.1 2001:db8::1 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 22, 2222)
		a.knocks(7001, 9002)
		a.finds(netns.Open, 2222, 2222)
		a.finds(netns.Silent, 22)
	}},
	{"default drop: open means the port that the sender named", "default drop\nopen 8080\nknock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Open, 8080)
		a.finds(netns.Silent, 80, 8443, 81)
	}},
	{"default drop: an open port is not open under another name", "default drop\nopen 80-81\nknock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Open, 80, 81)
		a.finds(netns.Silent, 8080, 8443, 2223)
	}},
	{"a trusted source", trusted + "knock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
		h.stranger().finds(netns.Open, 22, 2222, 2223, 8080, 80)
	}},
	{"a trusted source, default drop", trusted + "default drop\nopen 8080\nknock ssh < 7001 9002 8003 -> 22 8443 >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Open, 22, 2222, 8080, 8443)
		a.finds(netns.Silent, 2223, 80, 81) // trust speaks of services
	}},
	{"the tightest grant: one knock guards both, another 22", "knock a < 7001 7002 7003 -> 22 2222 grant 1m once >\nknock b < 7004 7005 7006 -> 22 grant 1m >", redirected, func(h *house) {
		a := h.stranger()
		a.knocks(7004, 7005, 7006)
		a.finds(netns.Silent, 2222)
		a.finds(netns.Open, 22)
		a.knocks(7001, 7002, 7003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 2222)
	}},
}

// redirectsOfOpen have services that are open for some.
var redirectsOfOpen = []situation{
	{"22 is guarded, and open for some", "open 22 from 192.0.2.2 2001:db8::2\nopen 22 on lan0\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
		h.client().finds(netns.Open, 22, 2222)
		h.insider().finds(netns.Open, 22, 2222)
		a := h.stranger()
		a.finds(netns.Silent, 22, 2222)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 22, 2222)
	}},
	{"2222 is guarded, and open for some, default drop", "default drop\nopen 2222 from 192.0.2.2 2001:db8::2\nknock ssh < 7001 9002 8003 -> 2222 grant 1m once >", redirected, func(h *house) {
		h.client().finds(netns.Open, 2222)
		h.client().finds(netns.Silent, 22)
		a := h.stranger()
		a.finds(netns.Silent, 22, 2222)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 22, 2222)
	}},
	{"default drop, 8080 is open for some", "default drop\nopen 8080 from 192.0.2.2 2001:db8::2\nopen 8443 on lan0\nknock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
		h.client().finds(netns.Open, 8080)
		h.client().finds(netns.Silent, 80, 8443)
		h.insider().finds(netns.Open, 8443)
		h.insider().finds(netns.Silent, 8080, 81)
		h.stranger().finds(netns.Silent, 8080, 8443, 80, 81)
	}},
	{"hook input, 22 is guarded", "hook input\nknock ssh < 7001 9002 8003 -> 22 grant 1m once >", redirected, func(h *house) {
		a := h.stranger()
		a.finds(netns.Silent, 22, 2222)
		a.knocks(7001, 9002, 8003)
		a.finds(netns.Open, 2222)
		a.finds(netns.Silent, 22, 2222)
	}},
}

// TestRedirectedDatagramsOnKernel is the same for UDP.
func TestRedirectedDatagramsOnKernel(t *testing.T) {
	l := netns.NewLab(t)
	mailbox := l.Host.Mailbox(t, 53)
	inLab(t, l, []situation{
		{"5353 is guarded", "knock dns < 7001 udp/9002 8003 -> udp/5353 grant 1m once >", redirected, func(h *house) {
			a := h.stranger()
			a.sends(mailbox, 5353, false)
			a.sends(mailbox, 53, true)
			a.knocks(7001)
			a.sends(mailbox, 9002, false)
			a.knocks(8003)
			a.sends(mailbox, 5353, true)
			a.sends(mailbox, 5353, false)
		}},
		{"53 is guarded", "knock dns < 7001 9002 8003 -> udp/53 grant 1m once >", redirected, func(h *house) {
			a := h.stranger()
			a.sends(mailbox, 5353, false)
			a.knocks(7001, 9002, 8003)
			a.sends(mailbox, 5353, true)
			a.sends(mailbox, 5353, false)
			a.sends(mailbox, 53, false)
		}},
		{"53 of TCP is guarded, udp 5353 is something else", "knock dns < 7001 9002 8003 -> 53 grant 1m >", redirected, func(h *house) {
			h.stranger().sends(mailbox, 5353, true)
		}},
		{"default drop, open udp/5353", "default drop\nopen udp/5353 53 5353\nknock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
			a := h.stranger()
			a.sends(mailbox, 5353, true)
			a.sends(mailbox, 53, false)
		}},
		{"default drop, open udp/53", "default drop\nopen udp/53\nknock ssh < 7001 9002 8003 -> 22 >", redirected, func(h *house) {
			a := h.stranger()
			a.sends(mailbox, 5353, false)
			a.sends(mailbox, 53, true)
		}},
	})
}
