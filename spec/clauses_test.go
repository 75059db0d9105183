package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// undeciding are the words that cannot decide a verdict.
var undeciding = []string{"log", "size", "table", "priority", "defaults"}

// ablations take one clause or setting away from a policy; they return false if it
// has none.
var ablations = []ablation{
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
	{"key", eachKnock(withoutCode)},
	{"period", eachKnock(func(k *lang.Knock) bool { return change(&k.Period, lang.DefaultPeriod) })},
	{"ahead", eachKnock(func(k *lang.Knock) bool { return change(&k.Ahead, lang.DefaultAhead) })},
	{"per", eachKnock(func(k *lang.Knock) bool { return change(&k.Per, lang.Per{IPv4: 32, IPv6: 128}) })},
	{"ping", eachKnock(withoutPings)},
	{"trust", func(p *lang.Policy) bool {
		prefixes, ifaces := take(&p.Settings.TrustPrefixes), take(&p.Settings.TrustIfaces)
		return prefixes || ifaces
	}},
	{"at", eachKnock(func(k *lang.Knock) bool { return take(&k.At) })},
	{"open", func(p *lang.Policy) bool { return take(&p.Settings.Open) }},
	{"open from", eachOpen(func(o *lang.Open) bool { return take(&o.From) })},
	{"open on", eachOpen(func(o *lang.Open) bool { return take(&o.On) })},
	{"hook", func(p *lang.Policy) bool { return change(&p.Settings.Hook, lang.HookPrerouting) }},
	{"default drop", func(p *lang.Policy) bool { return change(&p.Settings.DefaultDrop, false) }},
	{"refuse reject", func(p *lang.Policy) bool { return change(&p.Settings.RefuseReject, false) }},
}

type ablation struct {
	name string
	take func(*lang.Policy) bool
}

// traceAblations take something away from the packets; they return false if these have
// none of it.
var traceAblations = []struct {
	name string
	take func(*trace.Packet, bool) bool // whether the packet's flow is known
}{
	{"to", func(p *trace.Packet, _ bool) bool { return change(&p.To, nil) }},
	{"answered", func(p *trace.Packet, _ bool) bool { return change(&p.Answered, nil) }},
	{"otp", func(p *trace.Packet, _ bool) bool { return change(&p.Code, nil) }},
	{"SYN on old flow", func(p *trace.Packet, known bool) bool { return known && isSYN(p) && change(&p.Flags, lang.ACK) }},
}

// TestAblations looks for an ablation of each clause and setting. What it takes away must
// change the mark of the rules, and with it what their states mean.
func TestAblations(t *testing.T) {
	for _, word := range slices.Concat(lang.ClauseWords, lang.SettingWords) {
		takes := func(name string) bool { return name == word || strings.HasPrefix(name, word+" ") }
		if !slices.Contains(undeciding, word) && !slices.ContainsFunc(ablations, func(a ablation) bool { return takes(a.name) }) {
			t.Errorf("nothing takes `%s` away from a policy", word)
		}
	}
	for _, a := range ablations {
		for seed := 0; ; seed++ {
			policy, _ := lang.Parse([]byte(policies.Example(seed)))
			if changed, has := without(policy, a.take); has {
				if markOf(t, policy) == markOf(t, changed) {
					t.Errorf("with and without %s, the rules of a policy have the same mark:\n%s", a.name, canonical(policy))
				}
				break
			}
			if seed == 1000 {
				t.Errorf("no random policy has %s", a.name)
				break
			}
		}
	}
}

func markOf(t *testing.T, p *lang.Policy) string {
	t.Helper()
	result, found := compiler.Compile(p)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	return result.Ruleset.Mark()
}

func eachOpen(take func(*lang.Open) bool) func(*lang.Policy) bool {
	return func(p *lang.Policy) bool {
		changed := false
		p.Settings.Open = slices.Clone(p.Settings.Open)
		for i := range p.Settings.Open {
			changed = take(&p.Settings.Open[i]) || changed
		}
		return changed
	}
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

// withoutCode makes the step that needs a code one that needs none.
func withoutCode(k *lang.Knock) bool {
	i := k.CodeStep()
	if i >= 0 {
		k.Steps = slices.Clone(k.Steps)
		k.Steps[i].Code = false
	}
	return i >= 0
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
	all := onModel(p.policy, p.start, events)
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
		d.count(ablation.name, p, events, all, onModel(policy, p.start, events))
	}
	for _, ablation := range traceAblations {
		changed, has := withoutInPackets(events, ablation.take)
		if !has {
			continue
		}
		d.has[ablation.name] += len(traces)
		d.count(ablation.name, p, events, all, onModel(p.policy, p.start, changed))
	}
}

// count counts the traces in which the verdicts are others.
func (d *decisions) count(name string, p *pair, events []trace.Event, with, without []string) {
	differ := map[int]bool{}
	for i := range events {
		if with[i] != without[i] {
			differ[p.traceOf(events[i].Packet.Src)] = true
		}
	}
	d.decides[name] += len(differ)
}

// withoutInPackets is a copy of the events with something taken away from the packets;
// false if they have none of it.
func withoutInPackets(events []trace.Event, take func(*trace.Packet, bool) bool) (changed []trace.Event, has bool) {
	known := map[flow]bool{}
	for _, e := range events {
		p := *e.Packet
		f := flowOf(&p)
		has = take(&p, p.SrcPort != 0 && known[f]) || has
		known[f] = true
		e.Packet = &p
		changed = append(changed, e)
	}
	return changed, has
}

// never are the clauses that decided nothing.
func (d *decisions) never() []string {
	var names []string
	for _, name := range ablationNames() {
		if d.decides[name] == 0 {
			names = append(names, name)
		}
	}
	return names
}

func ablationNames() []string {
	var names []string
	for _, a := range ablations {
		names = append(names, a.name)
	}
	for _, a := range traceAblations {
		names = append(names, a.name)
	}
	return names
}

// String is a table.
func (d *decisions) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %8s %8s\n", "clause", "in pairs", "decides")
	for _, name := range ablationNames() {
		fmt.Fprintf(&b, "%-16s %8d %8d\n", name, d.has[name], d.decides[name])
	}
	return b.String()
}
