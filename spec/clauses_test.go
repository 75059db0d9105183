package spec

import (
	"fmt"
	"slices"
	"strings"

	"knockc/lang"
	"knockc/lang/trace"
)

// ablations take one clause or setting away from a policy; they return false if it
// has none. What is missing cannot decide a verdict: `log`, `size`, `table` and
// `priority`.
var ablations = []struct {
	name string
	take func(*lang.Policy) bool
}{
	{"within", eachKnock(func(k *lang.Knock) bool { return change(&k.Within, lang.DefaultWithin) })},
	{"total", eachKnock(func(k *lang.Knock) bool { return change(&k.Total, 0) })},
	{"grant", eachKnock(func(k *lang.Knock) bool { return k.Grant != lang.Forever && change(&k.Grant, lang.DefaultGrant) })},
	{"grant forever", eachKnock(func(k *lang.Knock) bool { return k.Grant == lang.Forever && change(&k.Grant, unit) })},
	{"once", eachKnock(func(k *lang.Knock) bool { return change(&k.Once, false) })},
	{"reset known", eachKnock(func(k *lang.Knock) bool {
		return k.Reset.Mode == lang.ResetKnown && change(&k.Reset, lang.Reset{})
	})},
	{"reset any", eachKnock(func(k *lang.Knock) bool { return k.Reset.Mode == lang.ResetAny && change(&k.Reset, lang.Reset{}) })},
	{"revoke", eachKnock(func(k *lang.Knock) bool { return change(&k.Reset.Revoke, false) })},
	{"close", eachKnock(func(k *lang.Knock) bool { return take(&k.Close) })},
	{"from", eachKnock(func(k *lang.Knock) bool { return take(&k.From) })},
	{"on", eachKnock(func(k *lang.Knock) bool { return take(&k.On) })},
	{"per", eachKnock(func(k *lang.Knock) bool { return change(&k.Per, lang.Per{IPv4: 32, IPv6: 128}) })},
	{"ping", eachKnock(withoutPings)},
	{"trust", func(p *lang.Policy) bool {
		prefixes, ifaces := take(&p.Settings.TrustPrefixes), take(&p.Settings.TrustIfaces)
		return prefixes || ifaces
	}},
	{"open", func(p *lang.Policy) bool { return take(&p.Settings.Open) }},
	{"default drop", func(p *lang.Policy) bool { return change(&p.Settings.DefaultDrop, false) }},
	{"refuse reject", func(p *lang.Policy) bool { return change(&p.Settings.RefuseReject, false) }},
}

func eachKnock(take func(*lang.Knock) bool) func(*lang.Policy) bool {
	return func(p *lang.Policy) bool {
		changed := false
		for _, k := range p.Knocks {
			changed = take(k) || changed
		}
		return changed
	}
}

func change[T comparable](value *T, to T) bool {
	changed := *value != to
	*value = to
	return changed
}

func take[T any](values *[]T) bool {
	taken := len(*values) > 0
	*values = nil
	return taken
}

// withoutPings takes the pings out of a sequence that has other steps.
func withoutPings(k *lang.Knock) bool {
	steps := slices.DeleteFunc(slices.Clone(k.Steps), isPing)
	changed := len(steps) < len(k.Steps)
	k.Steps = steps
	return changed
}

// without is a copy of the policy without a clause; false if it has none.
func without(p *lang.Policy, take func(*lang.Policy) bool) (*lang.Policy, bool) {
	changed := *p
	changed.Knocks = nil
	for _, k := range p.Knocks {
		copied := *k
		changed.Knocks = append(changed.Knocks, &copied)
	}
	return &changed, take(&changed)
}

// decisions counts, for each clause, the traces that have it in their policy, and
// those in which it decides a verdict: without it, the model says otherwise.
type decisions struct {
	has, decides map[string]int
}

func newDecisions() *decisions { return &decisions{map[string]int{}, map[string]int{}} }

// add counts some traces to one policy.
func (d *decisions) add(p *pair, events []trace.Event) {
	all := onModel(p.policy, events)
	traces := map[int]bool{}
	for _, e := range events {
		traces[p.traceOf(e.Packet.Src)] = true
	}
	for _, ablation := range ablations {
		policy, has := without(p.policy, ablation.take)
		if !has {
			continue
		}
		d.has[ablation.name] += len(traces)
		differ := map[int]bool{}
		for j, says := range onModel(policy, events) {
			if says != all[j] {
				differ[p.traceOf(events[j].Packet.Src)] = true
			}
		}
		d.decides[ablation.name] += len(differ)
	}
}

// never are the clauses that decided nothing.
func (d *decisions) never() []string {
	var names []string
	for _, ablation := range ablations {
		if d.decides[ablation.name] == 0 {
			names = append(names, ablation.name)
		}
	}
	return names
}

// String is a table.
func (d *decisions) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %8s %8s\n", "clause", "in pairs", "decides")
	for _, ablation := range ablations {
		fmt.Fprintf(&b, "%-14s %8d %8d\n", ablation.name, d.has[ablation.name], d.decides[ablation.name])
	}
	return b.String()
}
