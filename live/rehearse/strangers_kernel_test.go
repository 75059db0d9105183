//go:build linux

package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestStrangersOnKernel: a door that stands open for some strangers alone is found: at a port
// within a range, by another interface, at an address of lo, or for certain sources.
func TestStrangersOnKernel(t *testing.T) {
	l := newLab(t)
	l.Host.IP(t, "address add 203.0.113.9/32 dev lo")
	const policy = "hook input\nknock web < 7001 9002 9003 -> 8000-8090%s >\n"
	const office = " from 198.51.100.0/24"
	for _, s := range []struct{ rule, from string }{
		{"tcp dport 8080", ""},
		{"tcp dport 8050-8060", ""},
		{"tcp dport 8090", ""},
		{"tcp dport > 8028 tcp dport < 8035", ""},
		{`iifname "wg0" tcp dport 8000`, ""},
		{`iifname "wg*" tcp dport 8010 ip saddr 10.9.0.0/25`, ""},
		{"ip daddr 203.0.113.9 tcp dport 8000", ""},
		{"ip saddr 198.51.100.0/24 tcp dport 8000", ""},
		{"ip saddr @office tcp dport 8025", ""},
		{"ip saddr @office ip daddr 203.0.113.9 tcp dport 8000", ""},
		{"ip saddr != 198.51.100.0/24 tcp dport 8000", office},
	} {
		rule := s.rule + " dnat to 10.66.2.2:80"
		l.rules(t, "table ip nat {\n set office {\n type ipv4_addr\n flags interval\n elements = { 198.51.100.0/24 }\n }\n"+
			" chain pre {\n type nat hook prerouting priority dstnat\n "+rule+"\n }\n}\n")
		want := []string{"web 8000-8090 IPv4 stranger bad: table ip nat, chain pre: " + rule + "; leave out `hook input`"}
		if got := lines(l.rehearse(t, fmt.Sprintf(policy, s.from))); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestNamedNobodyOnKernel: rules also name addresses that no packet has as its source.
func TestNamedNobodyOnKernel(t *testing.T) {
	l := newLab(t)
	l.rules(t, "table inet f {\n chain pre {\n type filter hook prerouting priority raw\n"+
		"ip6 saddr { ::/96, ::ffff:0.0.0.0/96, fe80::/10, ff00::/8 } drop\n ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 } drop\n }\n}\n")
	if got := lines(l.rehearse(t, ssh)); len(got) > 0 {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestManyStrangersOnKernel: where rules name more than are tried, the report says so. Those
// that a rule stops are not tried.
func TestManyStrangersOnKernel(t *testing.T) {
	l := newLab(t)
	each := func(n int, begin, end string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s198.51.%d.%d%s", begin, i/200, i%200+1, end)
		}
		return b.String()
	}
	set := "set some {\n type ipv4_addr\n timeout 1m\n elements = { " + each(300, "", ", ") + "}\n }\n"
	for _, s := range []struct {
		sets, rules string
		untried     bool
	}{
		{"", each(10, "ip saddr ", " counter\n"), false},
		{"", each(300, "ip saddr ", " counter\n"), true},
		{"", each(300, "ip saddr != ", " drop\n"), true},
		{"", each(300, "ip saddr ", " counter drop comment \"!\"\n"), false},
		{"", each(300, "ip saddr ", " reject with icmp host-prohibited\n"), false},
		{set, "ip saddr @some accept\n", true},
		{set, "tcp dport 22 ip saddr @some reject\n", false},
	} {
		l.rules(t, "table inet many {\n "+s.sets+"chain input {\n type filter hook input priority 0\n"+s.rules+"}\n}\n")
		if r := l.rehearse(t, ssh); (r.Untried > 100) != s.untried {
			t.Errorf("%.200s%.200s: untried are %d", s.sets, s.rules, r.Untried)
		}
	}
}

// TestUnnumberedOnKernel: a host whose only address is on lo has doors, too.
func TestUnnumberedOnKernel(t *testing.T) {
	l := newLab(t)
	for _, device := range []string{"eth0", "lan0", "wg0", "tailscale0", "docker0"} {
		l.Host.IP(t, "address flush dev "+device+" scope global")
	}
	l.Host.IP(t, "address add 203.0.113.9/32 dev lo", "route add default dev eth0 src 203.0.113.9")
	r := l.rehearse(t, ssh)
	if len(r.Checks) != 4 || len(lines(r)) > 0 {
		t.Errorf("%d checks\n%s", len(r.Checks), strings.Join(lines(r), "\n"))
	}
}
