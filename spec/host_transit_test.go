package spec

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
)

// TestTransitOnKernel: what goes through the host to others is nothing to a policy.
func TestTransitOnKernel(t *testing.T) {
	const knock = "knock ssh < 7001 9002 8003 -> 22 8080-8090 udp/53 grant 1m reset any revoke close 7003 7004 >\n"
	l := netns.NewLab(t)
	for _, port := range []string{"22", "80", "7001", "9002", "8003"} {
		l.Inner.Serve(t, port)
		l.Client.Serve(t, port)
	}
	l.Host.Serve(t, "22")
	in, out := l.Inner.Mailbox(t, 53), l.Client.Mailbox(t, 53)
	passes := func(h *house) {
		h.Helper()
		stranger, insider := h.stranger(), h.insider()
		for _, port := range []uint16{22, 80, 7001, 9002, 8003} {
			stranger.findsAt(netns.Open, netns.LabInner.Of(h.v6, port))
			insider.findsAt(netns.Open, stranger.Of(h.v6, port))
		}
		for _, port := range []uint16{23, 8080, 8085, 7003} { // nobody listens there
			stranger.findsAt(netns.Refused, netns.LabInner.Of(h.v6, port))
			insider.findsAt(netns.Refused, stranger.Of(h.v6, port))
		}
		stranger.sendsAt(in, netns.LabInner.Of(h.v6, 53), true)
		insider.sendsAt(out, stranger.Of(h.v6, 53), true)
	}
	movesNothing := func(h *house) {
		a := h.stranger()
		inner := func(port uint16) { h.Helper(); a.outcome(netns.LabInner.Of(h.v6, port)) }
		for _, port := range []uint16{7001, 9002, 8003} {
			inner(port)
		}
		if n := h.counter("ssh_steps"); n != 0 {
			h.Errorf("%d steps done by what went through", n)
		}
		a.finds(netns.Silent, 22)
		for _, port := range []uint16{7001, 9002, 8003} {
			a.knocks(port)
			for _, wrong := range []uint16{3000, 8003, 22, 80, 7004} {
				inner(wrong)
			}
		}
		a.finds(netns.Open, 22)
		inner(7003)
		inner(7004)
		inner(3000)
		a.finds(netns.Open, 22)
		a.knocks(3000) // is wrong, and revokes
		a.finds(netns.Silent, 22)
	}
	inLab(t, l, []situation{
		{"untouched", knock, "", passes},
		{"untouched by default drop", "default drop\n" + knock, "", passes},
		{"untouched by refuse reject", "refuse reject default drop\n" + knock, "", passes},
		{"untouched if the sender is trusted", trusted + "default drop\n" + knock, "", passes},
		{"untouched if it is translated", "default drop\n" + knock, masquerade, passes},
		{"moves and resets nothing", knock, "", movesNothing},
		{"moves and resets nothing, default drop", "default drop\n" + knock, "", movesNothing},
	})
}

const masquerade = `
table inet nat {
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		masquerade
	}
}
`

// TestLocalByRuleOnKernel: addresses that are the host's by a rule of its routing alone,
// as a proxy has them, are no transit when their packets arrive.
func TestLocalByRuleOnKernel(t *testing.T) {
	l := netns.NewLab(t)
	l.Host.IP(t, "route add local 203.0.113.0/24 dev lo table 100", "rule add iif eth0 lookup 100",
		"route add local 2001:db8:f::/64 dev lo table 100")
	l.Host.Run(t, "ip", "-6", "rule", "add", "iif", "eth0", "lookup", "100")
	foreign := netns.Addresses{netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("2001:db8:f::5")}
	for _, port := range []string{"22", "80", "8005"} {
		serveTransparently(t, l.Host, port)
	}
	mailbox := l.Host.Mailbox(t, 53)
	at := func(h *house, port uint16) netip.AddrPort { return foreign.Of(h.v6, port) }
	inLab(t, l, []situation{
		{"shut without a knock", "knock ssh < 7001 9002 8003 -> 22 8004-8010 udp/53 grant 1m >", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, at(h, 22))
			a.findsAt(netns.Silent, at(h, 8005))
			a.sendsAt(mailbox, at(h, 53), false)
			a.findsAt(netns.Open, at(h, 80))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, at(h, 22))
			a.findsAt(netns.Open, at(h, 8005))
			a.sendsAt(mailbox, at(h, 53), true)
			h.stranger().findsAt(netns.Silent, at(h, 22))
		}},
		{"hook input, steps there too", "hook input\nknock ssh < 7001 9002 8003 -> 22 8004-8010 grant 1m >", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, at(h, 22))
			a.findsAt(netns.Silent, at(h, 8005))
			for _, port := range []uint16{7001, 9002, 8003} {
				a.outcome(at(h, port))
			}
			a.findsAt(netns.Open, at(h, 22))
			a.findsAt(netns.Open, at(h, 8005))
			a.finds(netns.Open, 22)
		}},
		{"once works once", "knock ssh < 7001 9002 8003 -> 22 grant 1m once >", "", func(h *house) {
			a := h.stranger()
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, at(h, 22))
			a.findsAt(netns.Silent, at(h, 22))
			a.finds(netns.Silent, 22)
		}},
		{"refuse reject looks closed", "refuse reject\nknock ssh < 7001 9002 8003 -> 22 >", "", func(h *house) {
			h.stranger().findsAt(netns.Refused, at(h, 22))
		}},
		{"default drop", "default drop\nopen 80\nknock ssh < 7001 9002 8003 -> 22 grant 1m >", "", func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, at(h, 22))
			a.findsAt(netns.Silent, at(h, 8005))
			a.findsAt(netns.Open, at(h, 80))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, at(h, 22))
		}},
		{"a trusted source need not knock", trusted + "default drop\nknock ssh < 7001 9002 8003 -> 22 >", "", func(h *house) {
			h.stranger().findsAt(netns.Open, at(h, 22))
		}},
		{"steps there are none", "knock ssh < 7001 9002 8003 -> 22 grant 1m >", "", func(h *house) {
			a := h.stranger()
			for _, port := range []uint16{7001, 9002, 8003} {
				a.outcome(at(h, port))
			}
			a.finds(netns.Silent, 22)
		}},
		{"a redirect there", "knock ssh < 7001 9002 8003 -> 22 grant 1m >", redirected, func(h *house) {
			a := h.stranger()
			a.findsAt(netns.Silent, at(h, 2222))
			a.knocks(7001, 9002, 8003)
			a.findsAt(netns.Open, at(h, 2222))
		}},
	})
}

// serveTransparently is Serve for addresses that are not the namespace's own.
func serveTransparently(t *testing.T, ns netns.Namespace, port string) {
	t.Helper()
	transparent := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var errs [2]error
		err := c.Control(func(fd uintptr) {
			errs[0] = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
			errs[1] = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		})
		for _, e := range errs {
			if e != nil {
				return e
			}
		}
		return err
	}}
	ns.ServeWith(t, &transparent, port)
}
