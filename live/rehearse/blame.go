//go:build linux

package rehearse

import (
	"fmt"
	"slices"
	"strings"

	"example.org/knockc/internal/nftrace"
)

// book has the rules of the place by their handles.
type book struct {
	nftrace.Book
	tables []*table
}

// rule is the rule that an event is about.
func (b *book) rule(e nftrace.Event) *Rule {
	r := &Rule{strings.TrimPrefix(e.Table, "table "), e.Name, "policy " + e.Verdict.String()}
	if e.Kind == nftrace.Policy {
		return r
	}
	listed, i := b.Rule(e)
	if i < 0 {
		r.Rule = fmt.Sprintf("the rule with handle %d", e.Handle)
		return r
	}
	r.Rule = listed.Text
	if t := b.table(e.Table); t != nil && t.iptables != "" {
		if saved := rulesOfIptables(t.text, e.Name); i < len(saved) {
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

// rulesOfIptables are the rules of a chain, as iptables-save prints them.
func rulesOfIptables(saved, chain string) (all []string) {
	for line := range strings.Lines(saved) {
		if strings.HasPrefix(line, "-A "+chain+" ") {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}

// translates is the rule that gave a packet another destination, nil if none did.
func (b *book) translates(events []nftrace.Event) *Rule {
	for _, e := range events {
		if e.Kind == nftrace.Rule {
			if r := b.rule(e); nftrace.Translates(r.Rule) {
				return r
			}
		}
	}
	return nil
}

// untracks is the rule that keeps a packet from conntrack, nil if none does.
func (b *book) untracks(events []nftrace.Event) *Rule {
	for _, e := range events {
		if e.Kind == nftrace.Rule {
			if r := b.rule(e); strings.Contains(strings.ToLower(r.Rule), "notrack") {
				return r
			}
		}
	}
	return nil
}

// stops is what kept a packet from going on, nil if no rule did.
func (b *book) stops(events []nftrace.Event) (*Rule, nftrace.Event) {
	if i := stopIn(events); i >= 0 {
		return b.rule(events[i]), events[i]
	}
	return nil, nftrace.Event{}
}

// lets is what let a packet in: what translated it, or the last that accepted it.
func (b *book) lets(events []nftrace.Event) *Rule {
	if r := b.translates(events); r != nil {
		return r
	}
	for _, e := range slices.Backward(events) {
		if e.Verdict == nftrace.Accept {
			return b.rule(e)
		}
	}
	return nil
}
