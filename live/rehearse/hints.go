//go:build linux

package rehearse

import (
	"fmt"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/lazy"
	"example.org/knockc/lang"
)

// hintToOpen is what would let an attempt through that another table stops.
func (t *trial) hintToOpen(a attempt) string {
	i := stopIn(a.events)
	if i < 0 || t.own(a.events[i]) {
		return ""
	}
	event := a.events[i]
	of := t.book.table(event.Table)
	if of == nil {
		return ""
	}
	if guards := of.guards(event.Name); guards != "" {
		return guards
	}
	port, proto := t.service.First, t.service.Proto
	translated, elsewhere := t.book.translates(a.events) != nil, len(t.knock.At) > 0
	switch {
	case of.name == "firewalld":
		return t.hintForFirewalld(event.Name)
	case of.isOfUFW() && (strings.HasPrefix(event.Name, "ufw-user-") || strings.HasPrefix(event.Name, "ufw6-user-")):
		return "`ufw status numbered` shows this rule: remove it with `ufw delete NUMBER`"
	case of.isOfUFW() && elsewhere:
		return fmt.Sprintf("ufw route allow proto %v to %v port %d", proto, a.to, port)
	case of.isOfUFW() && !translated:
		return fmt.Sprintf("ufw allow %d/%v", port, proto)
	}
	spot := t.book.spotBefore(a.events, i)
	if of.iptables != "" {
		rule := fmt.Sprintf("-p %v --dport %d", proto, port)
		if translated {
			rule = "-m conntrack --ctstate DNAT"
		} else if elsewhere {
			rule = fmt.Sprintf("-d %v %s", a.to, rule)
		}
		return spot.iptables(rule)
	}
	rule := fmt.Sprintf("%v dport %d", proto, port)
	if translated {
		rule = "ct status dnat"
	} else if elsewhere {
		rule = map[bool]string{false: "ip", true: "ip6"}[a.to.Is6()] + " daddr " + a.to.String() + " " + rule
	}
	return spot.nft(rule)
}

// hintToAnswer is what would let out answers that a table stops.
func (t *trial) hintToAnswer(a attempt) string {
	i := stopIn(a.answers)
	if i < 0 || t.book.table(a.answers[i].Table) == nil {
		return ""
	}
	spot := t.book.spotBefore(a.answers, i)
	if spot.of.iptables != "" {
		return spot.iptables("-m conntrack --ctstate ESTABLISHED")
	}
	return spot.nft("ct state established")
}

// guards says what to do about a chain of another policy of knockc: to open that would open
// the door to everyone. It is empty for other chains.
func (t *table) guards(chain string) string {
	before, _, is := strings.Cut(t.text, `comment "knockc policy `)
	if !is {
		return ""
	}
	begin := strings.LastIndex(before, "\tchain ")
	guard, _, _ := strings.Cut(before[begin+len("\tchain "):], " ")
	if t.isBase(guard) {
		return fmt.Sprintf("%v guards this port, too: remove it with `knockc remove -table %s`", t, t.name)
	}
	fragment := compiler.FragmentOf(guard, func(chain string) bool { return strings.Contains(t.text, "\tchain "+chain+" {") })
	if _, is := compiler.NameIn(fragment, chain); is && fragment != "" {
		return fmt.Sprintf("fragment %s in %v guards this port, too: load the new fragment in its place, and `knockc rehearse` tries it", fragment, t)
	}
	return ""
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
func (t *trial) hintToShut(by *Rule) string {
	switch {
	case by != nil && t.ruleset == nil && t.Fragment == "" && by.Table == "inet "+t.Table:
		return "this rule is not the policy's: `knockc apply POLICY` loads the policy without it"
	case t.Policy.Settings.Hook == lang.HookInput:
		return "leave out `hook input`"
	}
	return ""
}
