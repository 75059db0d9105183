//go:build linux

package rehearse

import (
	"slices"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// TestHintsOnKernel: after what a hint says was typed, the door works, and nothing else is open
// that was not before.
func TestHintsOnKernel(t *testing.T) {
	l := newLab(t)
	const web = "refuse drop\nknock web < 7001 9002 8003 -> 80 >\n"
	for _, s := range []struct {
		name, rules, policy string
		want                string // of IPv4
	}{
		{"a chain that others use too", `table inet f {
			chain stop { drop
			}
			chain input { type filter hook input priority 0; policy drop
				ct state established,related accept
				meta l4proto { icmp, icmpv6 } accept
				goto stop
			}
			chain forward { type filter hook forward priority 0; policy drop
				ct state established,related accept
				jump stop
			}
		}`, web, "nft insert rule inet f input index 2 tcp dport 80 accept"},
		{"a chain that is not left", `table inet f {
			chain wan { ct state established,related accept
				meta l4proto { icmp, icmpv6 } accept
			}
			chain input { type filter hook input priority 0; policy drop
				iifname vmap { "eth0" : goto wan }
			}
		}`, web, "nft insert rule inet f input tcp dport 80 accept"},
		{"a chain that is left early", `table inet f {
			chain input { type filter hook input priority 0; policy drop
				ct state established,related accept
				meta l4proto { icmp, icmpv6 } accept
				iifname "eth0" return
			}
		}`, web, "nft insert rule inet f input index 2 tcp dport 80 accept"},
		{"sources that are kept out before", `table inet f {
			chain input { type filter hook input priority 0
				ct state established,related accept
				meta l4proto { icmp, icmpv6 } accept
				ip saddr 198.51.100.7 drop
				ip6 saddr 2001:db8:c::7 drop
				reject
			}
		}`, web, "nft insert rule inet f input index 4 tcp dport 80 accept"},
		{"the chains of iptables", "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:bad - [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n-A INPUT -s 198.51.100.7/32 -j DROP\n-A INPUT -j bad\n-A bad -j DROP\nCOMMIT\n",
			web, "iptables -t filter -I INPUT 4 -p tcp --dport 80 -j ACCEPT"},
		{"the policy of iptables", "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n",
			"refuse drop\nknock web < 7001 9002 8003 -> 80 at 172.17.0.2 >\n", "iptables -t filter -A FORWARD -d 172.17.0.2 -p tcp --dport 80 -j ACCEPT"},
	} {
		t.Run(s.name, func(t *testing.T) {
			l.rules(t, s.rules)
			hints := commands(l.rehearse(t, s.policy))
			if len(hints) == 0 || hints[0] != s.want {
				t.Fatalf("hints are %q, want %q", hints, s.want)
			}
			for _, hint := range hints {
				l.Host.Run(t, "sh", "-c", hint)
			}
			r := l.rehearse(t, s.policy)
			if got := lines(r); got != nil {
				t.Errorf("after %q:\n%s", hints, strings.Join(got, "\n"))
			}
			l.agrees(t, s.policy, r)
			v := l.Visitor(7)
			if _, got := v.Connect(t, netns.LabInner.Of(false, 80)); got == netns.Open && strings.Contains(strings.ToLower(s.rules), "forward") {
				t.Error("a host behind this one is open")
			}
			if !strings.Contains(s.policy, " at ") && strings.Contains(s.rules, "198.51.100.7") {
				for _, step := range []uint16{7001, 9002, 8003} {
					v.Connect(t, netns.LabHost.Of(false, step))
				}
				if _, got := v.Connect(t, netns.LabHost.Of(false, 80)); got == netns.Open {
					t.Error("a source gets in that was kept out")
				}
			}
		})
	}
}

// TestOwners: the flags that bind a table to a process are left out of its text, and nothing
// else.
func TestOwners(t *testing.T) {
	const begin, rest = "table inet own {", "\tchain c {\n\t}\n}\n"
	for flags, want := range map[string]string{
		"":                          "",
		"\tflags owner\n\n":         "",
		"\tflags owner,persist\n\n": "",
		"\tflags dormant,owner\n\n": "\tflags dormant\n\n",
	} {
		all := tablesOf(begin + " # progname nft\n" + flags + rest)
		if !slices.ContainsFunc(all, func(t *table) bool { return t.text == begin+"\n"+want+rest }) {
			t.Errorf("%q: %q", flags, all[0].text)
		}
	}
}
