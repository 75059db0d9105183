//go:build linux

package rehearse

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// book has the rules of the place by their handles. It reads a table when it is first asked
// about it.
type book struct {
	place  *place
	tables []*table
	read   map[string]map[chain][]listedRule
}

type listedRule struct {
	handle uint64
	text   string
}

// rule is the rule that an event is about.
func (b *book) rule(e event) *Rule {
	r := &Rule{strings.TrimPrefix(e.table, "table "), e.name, "policy " + map[int32]string{dropVerdict: "drop", acceptVerdict: "accept"}[e.verdict]}
	if e.kind == policyEvent {
		return r
	}
	all := b.rules(e.table)[e.chain]
	i := slices.IndexFunc(all, func(l listedRule) bool { return l.handle == e.handle })
	if i < 0 {
		r.Rule = fmt.Sprintf("the rule with handle %d", e.handle)
		return r
	}
	r.Rule = all[i].text
	if t := b.table(e.table); t != nil && t.iptables != "" {
		if saved := rulesOfIptables(t.text, e.name); i < len(saved) {
			r.Rule = saved[i]
		}
	}
	return r
}

// table finds one of the host's.
func (b *book) table(name string) *table {
	if i := slices.IndexFunc(b.tables, func(t *table) bool { return t.String() == name }); i >= 0 {
		return b.tables[i]
	}
	return nil
}

var handleOf = regexp.MustCompile(`^\t\t(.*) # handle (\d+)$`)

// rules are those of a table. What nft does not list has none.
func (b *book) rules(name string) map[chain][]listedRule {
	if all, ok := b.read[name]; ok {
		return all
	}
	all := map[chain][]listedRule{}
	words := strings.Fields(name)
	text, _ := b.place.Nft("-a", "-s", "list", "table", words[1], words[2])
	at := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if begin, found := strings.CutPrefix(line, "\tchain "); found {
			at, _, _ = strings.Cut(begin, " ")
		}
		if m := handleOf.FindStringSubmatch(line); m != nil {
			handle, _ := strconv.ParseUint(m[2], 10, 64)
			of := chain{name, at}
			all[of] = append(all[of], listedRule{handle, m[1]})
		}
	}
	b.read[name] = all
	return all
}

// rulesOfIptables are the rules of a chain, as iptables-save prints them.
func rulesOfIptables(saved, chain string) (all []string) {
	for line := range strings.Lines(saved) {
		if strings.HasPrefix(line, "-A "+chain+" ") {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}

var translation = regexp.MustCompile(`\b(dnat|redirect|DNAT|REDIRECT)\b`)

// translates is the rule that gave a packet another destination, nil if none did.
func (b *book) translates(events []event) *Rule {
	for _, e := range events {
		if e.kind == ruleEvent {
			if r := b.rule(e); translation.MatchString(r.Rule) {
				return r
			}
		}
	}
	return nil
}

// stops is what kept a packet from going on, nil if no rule did.
func (b *book) stops(events []event) (*Rule, event) {
	for _, e := range slices.Backward(events) {
		if e.verdict == dropVerdict && (e.kind == policyEvent || e.kind == ruleEvent) {
			return b.rule(e), e
		}
	}
	return nil, event{}
}

// lets is what let a packet in: what translated it, or the last that accepted it.
func (b *book) lets(events []event) *Rule {
	if r := b.translates(events); r != nil {
		return r
	}
	for _, e := range slices.Backward(events) {
		if e.verdict == acceptVerdict {
			return b.rule(e)
		}
	}
	return nil
}
