//go:build linux

package rehearse

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// The hosts that a policy is rehearsed on are the host of a lab, which forwards to an
// inner host. A stranger can come from anywhere.
const ssh = "knock ssh < 7001 9002 8003 -> 22 >\n"

// TestRehearsalsOnKernel: a rehearsal finds what is wrong, and who did it.
func TestRehearsalsOnKernel(t *testing.T) {
	l := newLab(t)
	for _, s := range []struct {
		name   string
		rules  string // nft text, or the files of iptables-nft for IPv4 and IPv6
		policy string
		want   string
	}{
		{"no other firewall", "", ssh + "knock web < udp/7001 ping/64 8004 -> 80 udp/5000-6000 within 100ms grant forever once >", ""},
		{"all kinds of steps and services", "", "refuse reject\nknock web < udp/7001 ping/64 ping 8004 -> 80 udp/5000-6000 from 198.51.100.0/24 2001:db8:c::/64 on eth0 >", ""},
		{"a datagram that nobody lets in", drops, "knock dns < 7001 ping udp/9002 -> udp/5000 >", `
			dns udp/5000 IPv4 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input udp dport 5000 accept
			dns udp/5000 IPv6 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input udp dport 5000 accept`},
		{"steps at one port", "", "knock a < 7001 7001 7001 -> 22 total 1m >\nknock b < 7001 ping -> 23 reset any revoke close 7 8 grant 1h >", ""},
		{"a host that drops", drops, ssh, `
			ssh 22 IPv4 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input tcp dport 22 accept
			ssh 22 IPv6 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input tcp dport 22 accept`},
		{"a host that drops, with a rule for the service", drops + "add rule inet filter input tcp dport 22 accept\n", ssh, ""},
		{"a rule that rejects", drops + "add rule inet filter input meta nfproto ipv4 counter reject with icmp type admin-prohibited\nadd rule inet filter input accept\n", ssh, `
			ssh 22 IPv4 service bad: table inet filter, chain input: meta nfproto ipv4 counter reject with icmp admin-prohibited; nft insert rule inet filter input index 2 tcp dport 22 accept`},
		{"a host that drops, and strangers at other doors", drops, "default drop\nrefuse reject\nopen 80\n" + ssh, `
			ssh 22 IPv4 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input tcp dport 22 accept
			ssh 22 IPv6 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input tcp dport 22 accept`},
		{"rules about what real packets have", "table inet sane {\n chain pre {\n type filter hook prerouting priority mangle\n tcp flags syn tcp option maxseg missing drop\n udp length < 9 drop\n }\n}\n",
			"knock ssh < 7001 udp/9002 8003 -> 22 udp/5000 >", ""},
		{"a stranger who gets in beside a rule about what the copy lacks", "table ip nat {\n chain pre {\n type nat hook prerouting priority dstnat\n ether saddr 02:00:00:00:00:09 tcp dport 8080 accept\n tcp dport 8080 dnat to 10.66.2.2:80\n }\n}\n",
			"hook input\nknock web < 7001 9002 8003 -> 8080 >", `
			web 8080 IPv4 stranger bad: table ip nat, chain pre: tcp dport 8080 dnat to 10.66.2.2:80; leave out ` + "`hook input`" + `
			web 8080 IPv4 steps null
			web 8080 IPv4 service null
			web 8080 IPv4 grant null`},
		{"a rule that stops steps and strangers", "table inet raw {\n chain pre {\n type filter hook prerouting priority raw\n tcp flags syn drop\n }\n}\n",
			"hook input\n" + ssh, `
			ssh 22 IPv4 stranger null
			ssh 22 IPv4 steps bad: table inet raw, chain pre: tcp flags syn drop
			ssh 22 IPv4 service null
			ssh 22 IPv4 grant null
			ssh 22 IPv6 stranger null
			ssh 22 IPv6 steps bad: table inet raw, chain pre: tcp flags syn drop
			ssh 22 IPv6 service null
			ssh 22 IPv6 grant null`},
		{"steps that are dropped", "table inet raw {\n chain pre {\n type filter hook prerouting priority raw\n udp dport 9000-9999 drop\n }\n}\n",
			"knock ssh < 7001 udp/9002 8003 -> 22 >", `
			ssh 22 IPv4 steps bad: table inet raw, chain pre: udp dport 9000-9999 drop
			ssh 22 IPv4 service null
			ssh 22 IPv4 grant null
			ssh 22 IPv6 steps bad: table inet raw, chain pre: udp dport 9000-9999 drop
			ssh 22 IPv6 service null
			ssh 22 IPv6 grant null`},
		{"a published port", published, "knock web < 7001 9002 8003 -> 8080 >", ""},
		{"a port that is forwarded in both families", published + published6, "knock web < 7001 9002 8003 -> 8080 >", ""},
		{"a published port at the hook input", published, "hook input\nknock web < 7001 9002 8003 -> 8080 >", `
			web 8080 IPv4 stranger bad: table ip nat, chain pre: tcp dport 8080 dnat to 10.66.2.2:80; leave out ` + "`hook input`"},
		{"a port that is published at another address", strings.ReplaceAll(published, "tcp dport", "ip daddr 10.66.2.1 tcp dport"), "hook input\nknock web < 7001 9002 8003 -> 8080 >", `
			web 8080 IPv4 stranger bad: table ip nat, chain pre: ip daddr 10.66.2.1 tcp dport 8080 dnat to 10.66.2.2:80; leave out ` + "`hook input`"},
		{"a nat chain with a priority before the guard's", strings.ReplaceAll(published, "dstnat", "mangle"), "knock web < 7001 9002 8003 -> 8080 >", ""},
		{"Docker", "../../testdata/docker/rules.v4 ../../testdata/docker/rules.v6", "knock web < 7001 9002 8003 -> 8080 8443 22 >", ""},
		{"Docker and the hook input", "../../testdata/docker/rules.v4 ../../testdata/docker/rules.v6", "hook input\nknock web < 7001 9002 8003 -> 8080 8443 22 >", `
			web 8080 IPv4 stranger bad: table ip nat, chain DOCKER: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80; leave out ` + "`hook input`" + `
			web 8080 IPv6 stranger bad: table ip6 nat, chain DOCKER: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00:d0c::2]:80; leave out ` + "`hook input`" + `
			web 8443 IPv6 stranger bad: table ip6 nat, chain DOCKER: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination [fd00:d0c::2]:443; leave out ` + "`hook input`"},
		{"a router that forwards nothing", router, "knock nas < 7001 9002 8003 -> 445 at 10.66.2.2 2001:db8:66::2 >", `
			nas 445 IPv4 service bad: table inet router, chain forward: policy drop; nft add rule inet router forward ip daddr 10.66.2.2 tcp dport 445 accept
			nas 445 IPv6 service bad: table inet router, chain forward: policy drop; nft add rule inet router forward ip6 daddr 2001:db8:66::2 tcp dport 445 accept`},
		{"a router that forwards", router + "add rule inet router forward tcp dport 445 accept\n", "knock nas < 7001 9002 8003 -> 445 at 10.66.2.0/24 2001:db8:66::/64 >", ""},
		{"a port forwarded by a router that does not let it through", router + published, "knock web < 7001 9002 8003 -> 8080 >", `
			web 8080 IPv4 service bad: table inet router, chain forward: policy drop; nft add rule inet router forward ct status dnat accept`},
		{"addresses of the router among those behind it", router, "knock web < 7001 9002 8003 -> 80 at 172.17.0.0/16 >", `
			web 80 IPv4 service bad: table inet router, chain forward: policy drop; nft add rule inet router forward ip daddr 172.17.0.2 tcp dport 80 accept`},
		{"a router that takes nothing for itself", drops, "knock web < 7001 9002 8003 -> 80 at 172.17.0.0/16 >", ""},
		{"another policy", script(t, compile(t, "table other\nknock web < 7001 7002 7003 -> 22 >")), ssh, `
			ssh 22 IPv4 service bad: table inet other, chain tcp_22: counter name "tcp_22_refused" drop; table inet other guards this port, too: remove it with ` + "`knockc remove -table other`" + `
			ssh 22 IPv6 service bad: table inet other, chain tcp_22: counter name "tcp_22_refused" drop; table inet other guards this port, too: remove it with ` + "`knockc remove -table other`"},
		{"a knock from inside", "", "trust 20.0.0.0/6 96.0.0.0/8\nknock ssh < 7001 9002 8003 -> 22 from 10.66.2.0/24 on lan0 >", ""},
		{"a knock from one address", "", "knock ssh < 7001 9002 8003 -> 22 from 198.51.100.7 2001:db8:c::7 >\nknock web < 7001 9003 8003 -> 80 81 from 198.51.100.7 >", ""},
		{"everyone is trusted", "", "trust 0.0.0.0/0\n" + ssh, `
			ssh 22 IPv4 stranger null
			ssh 22 IPv4 steps null
			ssh 22 IPv4 service null
			ssh 22 IPv4 grant null`},
		{"whole networks are sources", "", "knock ssh < 7001 9002 8003 -> 22 80-81 per /8 /16 grant 30s >", ""},
		{"an interface that is missing", "", "knock ssh < 7001 9002 8003 -> 22 on ens3 >", `
			ssh 22 IPv4 stranger null
			ssh 22 IPv4 steps null
			ssh 22 IPv4 service null
			ssh 22 IPv4 grant null
			ssh 22 IPv6 stranger null
			ssh 22 IPv6 steps null
			ssh 22 IPv6 service null
			ssh 22 IPv6 grant null
			missing "ens3"`},
		{"what TUN devices do not have", drops + "add rule inet filter input ether saddr 02:00:00:00:00:01 tcp dport 22 accept\n", ssh, `
			ssh 22 IPv4 service null
			ssh 22 IPv6 service null`},
		{"interfaces by their numbers", drops + fmt.Sprintf("add rule inet filter input iif %d tcp dport 22 accept\n", l.index(t, "eth0")), ssh, ""},
		{"a tunnel", drops + "add rule inet filter input iifname \"wg0\" accept\n", "knock ssh < 7001 9002 8003 -> 22 on wg0 >\nknock web < 7001 9003 8003 -> 80 from 198.51.100.0/24 >", `
			web 80 IPv4 service bad: table inet filter, chain input: policy drop; nft add rule inet filter input tcp dport 80 accept`},
		{"a table of a device", "table netdev n {\n chain i {\n type filter hook ingress device eth0 priority 0\n tcp dport 9002 drop\n }\n}\n", ssh, `
			ssh 22 IPv4 steps bad
			ssh 22 IPv4 service null
			ssh 22 IPv4 grant null
			ssh 22 IPv6 steps bad
			ssh 22 IPv6 service null
			ssh 22 IPv6 grant null`},
		{"marks", drops + marks, ssh, ""},
		{"Tailscale", tailscale, ssh + "knock web < 7001 9003 8003 -> 80 from 100.64.0.0/10 on tailscale0 >\n", ""},
		{"those who were banned", banned(100), ssh, ""},
		{"fifty thousand addresses in a set", banned(50000), ssh, ""},
		{"a table that is not for IP", "table bridge b {\n chain c {\n type filter hook prerouting priority 0\n ether type arp accept\n }\n}\n", ssh, ""},
	} {
		t.Run(s.name, func(t *testing.T) {
			l.rules(t, s.rules)
			r := l.rehearse(t, s.policy)
			if got, want := lines(r), linesOf(s.want); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s\nlost: %q", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Lost)
			}
			l.agrees(t, s.policy, r)
		})
	}
}

// TestLostOnKernel: where the copy lacks something, nothing is good.
func TestLostOnKernel(t *testing.T) {
	l := newLab(t)
	for _, s := range []struct{ name, setUp, undo, lost string }{
		{"iptables-legacy", "iptables-legacy -A INPUT -p tcp --dport 9 -j DROP", "iptables-legacy -F", "iptables-legacy (filter) could not be copied: only tables of nf_tables can be copied"},
		{"iptables beside nft", "nft add table ip nat; nft 'add chain ip nat early { type nat hook prerouting priority -150; }'; iptables-nft -t nat -A PREROUTING -p tcp --dport 22 -m comment --comment x -j REDIRECT --to 23",
			"true", "table ip nat could not be copied: it has rules of iptables, and iptables-nft-save does not know it"},
	} {
		t.Run(s.name, func(t *testing.T) {
			l.rules(t, "")
			if out, err := l.Host.Command(t.Context(), "sh", "-c", s.setUp).CombinedOutput(); err != nil {
				t.Skipf("this kernel or iptables cannot: %v\n%s", err, out)
			}
			defer l.Host.Run(t, "sh", "-c", s.undo)
			r := l.rehearse(t, ssh)
			if len(r.Lost) != 1 || r.Lost[0] != s.lost {
				t.Errorf("lost is %q, want %q", r.Lost, s.lost)
			}
			for _, c := range r.Checks {
				if want := []Answer{NotJudged, Good}[c.Family]; c.Answer != want {
					t.Errorf("%v is %v, want %v", c, c.Answer, want)
				}
			}
		})
	}
}

const drops = `table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		meta l4proto { icmp, icmpv6 } accept
	}
}
`

const published = `table ip nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 8080 dnat to 10.66.2.2:80
	}
}
`

const published6 = `table ip6 nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 8080 dnat to [2001:db8:66::2]:80
	}
}
`

const router = `table inet router {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
	}
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		meta nfproto ipv4 masquerade
	}
}
`

const marks = `add chain inet filter pre { type filter hook prerouting priority mangle; }
add rule inet filter pre tcp dport 22 meta mark set 0x16 ct mark set mark
add rule inet filter input ct mark 0x16 accept
`

// tailscale are the rules of Tailscale.
const tailscale = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ts-forward - [0:0]
:ts-input - [0:0]
-A INPUT -j ts-input
-A FORWARD -j ts-forward
-A ts-input -s 100.101.102.103/32 -i lo -j ACCEPT
-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN
-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
-A ts-input -i tailscale0 -j ACCEPT
-A ts-input -p udp -m udp --dport 41641 -j ACCEPT
-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP
-A ts-forward -o tailscale0 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:ts-postrouting - [0:0]
-A POSTROUTING -j ts-postrouting
-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
COMMIT
`

// banned is what fail2ban keeps.
func banned(n int) string {
	var b strings.Builder
	b.WriteString("table inet f2b {\n set banned {\n type ipv4_addr\n flags timeout\n elements = {")
	for i := range n {
		fmt.Fprintf(&b, " 203.%d.%d.%d timeout 1h,", i>>16&255, i>>8&255, i&255)
	}
	b.WriteString(" }\n }\n chain input {\n type filter hook input priority -1\n tcp dport 22 ip saddr @banned reject\n }\n}\n")
	return b.String()
}

// lab is a lab in which policies are rehearsed.
type lab struct {
	*netns.Lab
	visitors byte
}

func newLab(t *testing.T, programs ...string) *lab {
	l := &lab{Lab: netns.NewLab(t, append(programs, "iptables-nft-restore", "ip6tables-nft-restore")...)}
	l.Host.IP(t, "route add default via 192.0.2.2", "route add default via 2001:db8::2",
		"tuntap add dev wg0 mode tun", "link set wg0 up", "address add 10.9.0.1/24 dev wg0", "address add 2001:db8:9::1/64 dev wg0 nodad",
		"tuntap add dev tailscale0 mode tun", "link set tailscale0 up", "address add 100.101.102.103/32 dev tailscale0",
		"route add 100.64.0.0/10 dev tailscale0 table 52", "rule add fwmark 0x80000/0xff0000 lookup main pref 5210", "rule add lookup 52 pref 5270",
		"link add docker0 type bridge", "link set docker0 up", "address add 172.17.0.1/16 dev docker0", "address add fd00:d0c::1/64 dev docker0 nodad")
	l.runContainer(t)
	l.Host.Sysctl(t, "ipv4/conf/all/rp_filter", "1")
	for _, port := range []string{"22", "23", "80", "81", "5000", "8080", "8443"} {
		l.Host.Serve(t, port)
	}
	for _, port := range []string{"80", "445"} {
		l.Inner.Serve(t, port)
	}
	return l
}

// runContainer runs one of Docker's on its bridge.
func (l *lab) runContainer(t *testing.T) {
	container := netns.NewNamespace(t)
	l.Host.Wire(t, "veth0", container, "eth0")
	l.Host.IP(t, "link set veth0 master docker0")
	container.IP(t, "address add 172.17.0.2/16 dev eth0", "address add fd00:d0c::2/64 dev eth0 nodad",
		"route add default via 172.17.0.1", "route add default via fd00:d0c::1")
	container.Serve(t, "80")
	container.Serve(t, "443")
}

func (l *lab) index(t *testing.T, device string) int {
	var n int
	fmt.Sscan(l.Host.Run(t, "ip", "-o", "link", "show", device), &n)
	return n
}

// rules are all that the host has.
func (l *lab) rules(t *testing.T, rules string) {
	t.Helper()
	l.visitors = 100
	l.Host.Load(t, "flush ruleset\n")
	v4, v6, files := strings.Cut(rules, " ")
	switch {
	case strings.HasPrefix(rules, "../"):
		for program, file := range map[string]string{"iptables-nft-restore": v4, "ip6tables-nft-restore": v6} {
			b, err := os.ReadFile(file)
			if err != nil || !files {
				t.Fatal(err)
			}
			l.Host.RunWith(t, string(b), program, "-n")
		}
	case strings.HasPrefix(rules, "*"):
		l.Host.RunWith(t, rules, "iptables-nft-restore", "-n")
	default:
		l.Host.Load(t, rules)
	}
}

func compile(t *testing.T, text string) *compiler.Result {
	t.Helper()
	p, found := lang.Parse([]byte(text))
	if !lang.HasErrors(found) {
		result, more := compiler.Compile(p)
		if result != nil {
			return result
		}
		found = more
	}
	t.Fatalf("%s: %v", text, found)
	return nil
}

func script(t *testing.T, r *compiler.Result) string {
	t.Helper()
	var b strings.Builder
	if err := r.Ruleset.WriteNFT(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// listing is what is loaded. While the kernel makes more room for a set, it may tell an
// element twice or not at all: so two looks have to agree.
func (l *lab) listing(t *testing.T) string {
	t.Helper()
	look := func() string { return l.Host.Run(t, "nft", "-s", "list", "ruleset") }
	for last, tries := look(), 0; ; tries++ {
		now := look()
		if now == last || tries == 100 {
			return now
		}
		last = now
	}
}

func (l *lab) rehearse(t *testing.T, policy string) *Report {
	t.Helper()
	result := compile(t, policy)
	before := l.listing(t)
	var r *Report
	err := l.Host.Do(func() (err error) {
		r, err = Run(result.Policy, result)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := l.listing(t); after != before {
		t.Errorf("the rules are now\n%s", after)
	}
	return r
}

// linesOf are the lines that a test wants.
func linesOf(want string) (all []string) {
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// lines are what is not good in a report.
func lines(r *Report) (all []string) {
	for _, c := range r.Checks {
		line := fmt.Sprintf("%s %v %s %v ", c.Knock, c.Service, [...]string{"IPv4", "IPv6"}[c.Family], c.Asks)
		switch c.Answer {
		case Good:
			continue
		case NotJudged:
			line += "null"
		case Bad:
			line += "bad"
		}
		if c.By != nil {
			line += ": " + c.By.String()
		}
		if c.Hint != "" {
			line += "; " + c.Hint
		}
		all = append(all, line)
	}
	for _, i := range r.Missing {
		all = append(all, "missing "+i.String())
	}
	for _, a := range r.Advice {
		if !strings.Contains(a, "refuse") {
			all = append(all, "advice: "+a)
		}
	}
	return all
}

// TestElementsOnKernel: comments of a set's elements are not taken for its end.
func TestElementsOnKernel(t *testing.T) {
	l := newLab(t)
	l.rules(t, "table inet objs {\n set s {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.0/8 comment \"a } b\", 11.0.0.0/8, 12.0.0.0/8 comment \"}\" }\n }\n"+
		" map m {\n type inet_service : verdict\n elements = { 25 comment \"{ }\" : drop }\n }\n"+
		" chain in {\n type filter hook input priority 0\n ip saddr @s drop\n tcp dport vmap @m\n }\n}\n")
	if r := l.rehearse(t, ssh); len(r.Lost) > 0 || len(lines(r)) > 0 {
		t.Errorf("lost: %q\n%s", r.Lost, strings.Join(lines(r), "\n"))
	}
}

// TestEndedElementsOnKernel: newer nft also counts elements that have ended, as long as they
// take room. The copy has none of them, and lacks nothing.
func TestEndedElementsOnKernel(t *testing.T) {
	l := newLab(t)
	l.rules(t, "table inet seen {\n set s {\n type ipv4_addr\n size 9\n flags dynamic,timeout\n timeout 20ms\n gc-interval 1h\n elements = { 192.0.2.1, 192.0.2.2 }\n }\n}\n")
	for strings.Contains(l.Host.Run(t, "nft", "list", "ruleset"), "elements") {
		time.Sleep(20 * time.Millisecond)
	}
	if r := l.rehearse(t, ssh); len(r.Lost) > 0 || len(lines(r)) > 0 {
		t.Errorf("lost: %q\n%s", r.Lost, strings.Join(lines(r), "\n"))
	}
}

// TestEarlyOnKernel: a rule that drops a step before all others is named. If the packet does not
// even get to the first hook that is traced, the report says so.
func TestEarlyOnKernel(t *testing.T) {
	l := newLab(t)
	for _, s := range []struct{ rules, by, why string }{
		{"table inet early {\n chain pre {\n type filter hook prerouting priority -500\n tcp dport 9002 drop\n }\n}\n",
			"table inet early, chain pre: tcp dport 9002 drop", "step 2 (9002) does not move it"},
		{"table netdev n {\n chain i {\n type filter hook ingress device eth0 priority 0\n tcp dport 9002 drop\n }\n}\n",
			"", "step 2 (9002) does not move it: the kernel, or a chain before prerouting, drops it"},
	} {
		l.rules(t, s.rules)
		r := l.rehearse(t, ssh)
		i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Asks == Steps })
		c, by := r.Checks[i], ""
		if c.By != nil {
			by = c.By.String()
		}
		if c.Answer != Bad || by != s.by || c.Why != s.why {
			t.Errorf("got %v, %q, %q, want %q, %q", c.Answer, by, c.Why, s.by, s.why)
		}
	}
}
