//go:build linux

package rehearse

import (
	"fmt"
	"strings"

	"example.org/knockc/lang"
)

// hintToOpen is what would let an attempt through that another table stops.
func (t *trial) hintToOpen(a attempt) string {
	by, event := t.book.stops(a.events)
	if by == nil || t.own(event) || t.book.table(event.Table) == nil {
		return ""
	}
	port, proto := t.service.First, t.service.Proto
	translated := t.book.translates(a.events) != nil
	of := t.book.table(event.Table)
	switch {
	case of.has("firewalld") && !translated && len(t.knock.At) == 0:
		return fmt.Sprintf("firewall-cmd --add-port=%d/%v", port, proto)
	case of.has("ufw") && !translated && len(t.knock.At) == 0:
		return fmt.Sprintf("ufw allow %d/%v", port, proto)
	case of.iptables != "":
		program, rule := strings.TrimSuffix(of.iptables, "-nft"), fmt.Sprintf("-p %v --dport %d", proto, port)
		if translated {
			rule = "-m conntrack --ctstate DNAT"
		}
		return fmt.Sprintf("%s -t %s -I %s %s -j ACCEPT", program, of.name, event.Name, rule)
	case translated:
		return "ct status dnat accept"
	}
	rule := fmt.Sprintf("%v dport %d accept", proto, port)
	if len(t.knock.At) > 0 {
		rule = map[bool]string{false: "ip", true: "ip6"}[a.to.Is6()] + " daddr " + a.to.String() + " " + rule
	}
	return rule
}

// has reports whether the table is one of a program that manages firewalls.
func (t *table) has(program string) bool {
	return t.name == program || strings.Contains(t.text, ":"+program+"-") || strings.Contains(t.text, "chain "+program+"-")
}

// hintToShut is what would make the guard see an attempt that went past it.
func (t *trial) hintToShut() string {
	if t.Policy.Settings.Hook == lang.HookInput {
		return "leave out `hook input`"
	}
	return ""
}
