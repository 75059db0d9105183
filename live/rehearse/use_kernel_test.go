//go:build linux

package rehearse

import (
	"slices"
	"strings"
	"testing"
)

// TestUsesOnKernel: a door that no client can use is found: the answer does not get out, what
// follows the first packet is refused, or only some of its addresses are let through.
func TestUsesOnKernel(t *testing.T) {
	l := newLab(t)
	const untracked = "table inet un {\n chain in {\n type filter hook prerouting priority raw\n tcp dport 22 notrack\n }\n chain out {\n type filter hook output priority raw\n tcp sport 22 notrack\n }\n}\n"
	const nas = "knock nas < 7001 9002 8003 -> 445 at 10.66.2.2 10.66.2.3 >\n"
	const forward = "table inet f {\n chain forward {\n type filter hook forward priority 0; policy drop;\n "
	for _, s := range []struct{ name, rules, policy, want string }{
		{"untracked", untracked, ssh, `
			ssh 22 IPv4 service bad: table inet un, chain in: tcp dport 22 notrack; leave out ` + "`notrack` for this service" + `
			ssh 22 IPv6 service bad: table inet un, chain in: tcp dport 22 notrack; leave out ` + "`notrack` for this service"},
		{"no answers", "table inet f {\n chain out {\n type filter hook output priority 0; policy drop;\n }\n}\n", "knock ssh < 7001 9002 8003 -> 22 udp/53 >\n", `
			ssh 22 IPv4 service bad: table inet f, chain out: policy drop; nft add rule inet f out ct state established accept
			ssh 22 IPv6 service bad: table inet f, chain out: policy drop; nft add rule inet f out ct state established accept
			ssh udp/53 IPv4 service bad: table inet f, chain out: policy drop; nft add rule inet f out ct state established accept
			ssh udp/53 IPv6 service bad: table inet f, chain out: policy drop; nft add rule inet f out ct state established accept`},
		{"no answers, by iptables", "*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n", ssh, `
			ssh 22 IPv4 service bad: table ip filter, chain OUTPUT: policy drop; iptables -t filter -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT`},
		{"answers alone", "table inet f {\n chain out {\n type filter hook output priority 0; policy drop;\n ct state established accept\n }\n}\n", "knock ssh < 7001 9002 8003 -> 22 udp/53 once >\n", ""},
		{"no forwarded answers", forward + "tcp dport 445 accept\n }\n}\n", nas, `
			nas 445 IPv4 service bad: table inet f, chain forward: policy drop; nft add rule inet f forward ct state established accept`},
		{"one address of two", forward + "ct state established accept\n ip daddr 10.66.2.2 tcp dport 445 accept\n }\n}\n", nas, `
			nas 445 IPv4 service bad: table inet f, chain forward: policy drop; nft add rule inet f forward ip daddr 10.66.2.3 tcp dport 445 accept`},
		{"both addresses, each after a knock", forward + "ct state established accept\n tcp dport 445 accept\n }\n}\n", strings.Replace(nas, " >", " once >", 1), ""},
	} {
		t.Run(s.name, func(t *testing.T) {
			l.rules(t, s.rules)
			r := l.rehearse(t, s.policy)
			if got, want := lines(r), linesOf(s.want); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if len(r.Advice) > 1 {
				t.Errorf("advice: %q", r.Advice)
			}
		})
	}
}
