//go:build linux

package live

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"example.org/knockc/internal/nftrace"
)

// followTable has the kernel tell of packets. It is a table of its own, so that it does not
// change the one that it looks at, and sees packets before all others.
const followTable = nftrace.FollowTable

// The elements of the table's set end unless they are made again: if the process that
// follows is killed, its rules do nothing from then on.
const (
	followFor   = 30 * time.Second
	followAgain = 10 * time.Second
)

const (
	onlySYN    = "tcp flags & (fin | syn | rst | ack) == syn"
	tellOfThem = "meta l4proto @alive limit rate 100/second burst 100 packets meta nftrace set 1"
)

// followScript loads the table with rules that begin with the given words, in place of an
// older one.
func followScript(rules []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `add table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
	set alive {
		type inet_proto
		flags timeout
		timeout %[2]s
		elements = { tcp, udp, icmp, ipv6-icmp }
	}
	chain first {
		type filter hook prerouting priority -450; policy accept;
`, followTable, followFor)
	for _, rule := range rules {
		fmt.Fprintf(&b, "\t\t%s %s\n", rule, tellOfThem)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// followSource are the beginnings of rules for packets from a source: for all, or for those
// that can be attempts.
func followSource(from netip.Prefix, all bool) []string {
	of := "ip saddr " + from.String()
	if from.Addr().Is6() {
		of = "ip6 saddr " + from.String()
	}
	if all {
		return []string{of}
	}
	return []string{of + " " + onlySYN, of + " meta l4proto udp", of + " icmp type echo-request", of + " icmpv6 type echo-request"}
}

// followKnock is [followSource] for packets to the ports of a knock.
func followKnock(k *Knock, all bool) (rules []string) {
	ports := map[string][]string{}
	pings := false
	for _, list := range [][]string{k.Steps, k.Close, k.Services} {
		for _, port := range list {
			switch udp, isUDP := strings.CutPrefix(port, "udp/"); {
			case strings.HasPrefix(port, "ping"):
				pings = true
			case isUDP:
				ports["udp"] = appendNew(ports["udp"], udp)
			case port != "":
				ports["tcp"] = appendNew(ports["tcp"], port)
			}
		}
	}
	if tcp := ports["tcp"]; tcp != nil {
		rule := "tcp dport { " + strings.Join(tcp, ", ") + " }"
		if !all {
			rule += " " + onlySYN
		}
		rules = append(rules, rule)
	}
	if udp := ports["udp"]; udp != nil {
		rules = append(rules, "udp dport { "+strings.Join(udp, ", ")+" }")
	}
	if pings {
		rules = append(rules, "icmp type echo-request", "icmpv6 type echo-request")
	}
	return rules
}
