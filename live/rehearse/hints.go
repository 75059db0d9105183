//go:build linux

package rehearse

import (
	"fmt"
	"strings"

	"example.org/knockc/internal/lazy"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// hintToOpen is what would let an attempt through that another table stops.
func (t *trial) hintToOpen(a attempt) string {
	by, event := t.book.stops(a.events)
	if by == nil || t.own(event) {
		return ""
	}
	of := t.book.table(event.Table)
	if of == nil {
		return ""
	}
	port, proto := t.service.First, t.service.Proto
	translated, elsewhere := t.book.translates(a.events) != nil, len(t.knock.At) > 0
	switch {
	case of.name == "firewalld":
		return t.hintForFirewalld(event.Name)
	case of.isOfUFW() && elsewhere:
		return fmt.Sprintf("ufw route allow proto %v to %v port %d", proto, a.to, port)
	case of.isOfUFW() && !translated:
		return fmt.Sprintf("ufw allow %d/%v", port, proto)
	case of.iptables != "":
		program, rule := strings.TrimSuffix(of.iptables, "-nft"), fmt.Sprintf("-p %v --dport %d", proto, port)
		if translated {
			rule = "-m conntrack --ctstate DNAT"
		}
		return fmt.Sprintf("%s -t %s -I %s %s -j ACCEPT", program, of.name, event.Name, rule)
	case translated:
		return hintForNFT(event, "ct status dnat accept")
	}
	rule := fmt.Sprintf("%v dport %d accept", proto, port)
	if elsewhere {
		rule = map[bool]string{false: "ip", true: "ip6"}[a.to.Is6()] + " daddr " + a.to.String() + " " + rule
	}
	return hintForNFT(event, rule)
}

// hintForNFT adds a rule to the chain that stops a packet: at its end if its policy does,
// else before the rule that does.
func hintForNFT(by nftrace.Event, rule string) string {
	how := "insert"
	if by.Kind == nftrace.Policy {
		how = "add"
	}
	return fmt.Sprintf("nft %s rule %s %s %s", how, strings.TrimPrefix(by.Table, "table "), by.Name, rule)
}

// hintToAnswer is what would let out answers that a table stops.
func (t *trial) hintToAnswer(a attempt) string {
	by, event := t.book.stops(a.answers)
	of := t.book.table(event.Table)
	switch {
	case by == nil || of == nil:
		return ""
	case of.iptables != "":
		return fmt.Sprintf("%s -t %s -I %s -m conntrack --ctstate ESTABLISHED -j ACCEPT", strings.TrimSuffix(of.iptables, "-nft"), of.name, event.Name)
	}
	return hintForNFT(event, "ct state established accept")
}

// zoneChain is a chain of firewalld for packets to the host by interfaces of a zone, or one
// for rules of its user.
var zoneChain = lazy.Regexp(`^filter_IN_(.+?)(_pre|_log|_deny|_allow|_post)?$`)

// hintForFirewalld is a hint if one of its chains stops an attempt.
func (t *trial) hintForFirewalld(chain string) string {
	port, proto := t.service.First, t.service.Proto
	in := zoneChain().FindStringSubmatch(chain)
	switch {
	case in == nil:
		return fmt.Sprintf("a policy of firewalld that accepts %d/%v: see man firewalld.policies", port, proto)
	case in[2] != "":
		return "" // a rule that somebody wants
	}
	return fmt.Sprintf("firewall-cmd --zone=%s --add-port=%d/%v", in[1], port, proto)
}

func (t *table) isOfUFW() bool {
	return strings.Contains(t.text, "\n:ufw-") || strings.Contains(t.text, "\n:ufw6-")
}

// hintToShut is what would make the guard see an attempt that went past it.
func (t *trial) hintToShut() string {
	if t.Policy.Settings.Hook == lang.HookInput {
		return "leave out `hook input`"
	}
	return ""
}
