//go:build linux

package live

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// TestRoundTrip: what is loaded of a policy tells all of it that there is to tell: knocks,
// what each element stands for, counters, sets, settings. It is read as from a kernel.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { checkRoundTrip(rt, drawPolicy(rt)) })
}

// TestDrawPolicy: the policies of [TestRoundTrip] have each clause and each setting.
func TestDrawPolicy(t *testing.T) {
	drawn := map[string]bool{}
	for seed := range 100 {
		p, _ := lang.Parse([]byte(rapid.Custom(drawPolicy).Example(seed)))
		for setting := range p.Settings.Given {
			drawn[setting.String()] = true
		}
		for _, k := range p.Knocks {
			for clause := range k.Given {
				drawn[clause.String()] = true
			}
		}
	}
	for _, word := range slices.Concat(lang.ClauseWords, lang.SettingWords) {
		if !drawn[word] {
			t.Errorf("no policy that is drawn has `%s`", word)
		}
	}
}

// TestRoundTripOfCases is TestRoundTrip for policies that are written by hand.
func TestRoundTripOfCases(t *testing.T) {
	for _, src := range slices.Concat(elsewherePolicies, casePolicies(t)) {
		checkRoundTrip(t, src)
	}
}

func checkRoundTrip(t rapid.TB, src string) {
	p, found := lang.Examine([]byte(src))
	result, more := compiler.Compile(p)
	if lang.HasErrors(append(found, more...)) {
		t.Fatalf("%v\nin\n%s", append(found, more...), src)
	}
	r := result.Ruleset
	h := loadedInMemory(t, r)
	table, err := h.Table(p.Settings.Table)
	if err != nil || table == nil {
		t.Fatal(table, err, src)
	}
	if hash, _ := compiler.PolicyOf(r.Mark()); table.Policy != hash || table.Hook != r.Chains[0].Hook.Point {
		t.Errorf("the table is of policy %s at %s:\n%s", table.Policy, table.Hook, src)
	}
	if lines := Compare(table, r); len(lines) > 0 {
		t.Errorf("loaded again, there changes\n%s\nin\n%s", strings.Join(lines, "\n"), src)
	}
	if change, err := h.ChangedByHand(table, r); change != "" || err != nil {
		t.Errorf("by hand: %s, %v:\n%s", change, err, src)
	}
	m := table.meanings()
	if !reflect.DeepEqual(m, meaningsOf(r)) {
		t.Errorf("the ruleset itself tells something else of\n%s", src)
	}
	checkKnocks(t, m, p, src)
	checkStates(t, m, result, src)
	checkThings(t, h, table, p, r)
	checkRecovered(t, table, result, src)
}

// checkRecovered compares the policy that the rules tell with the one that they were made
// of, as far as one must know it to knock.
func checkRecovered(t rapid.TB, table *Table, result *compiler.Result, src string) {
	t.Helper()
	p := result.Policy
	got, err := table.recover()
	untold := slices.ContainsFunc(p.Knocks, neverOpens) || strings.HasSuffix(table.meanings().settings, " ...")
	if (err != nil) != untold {
		t.Errorf("recover says %v of\n%s", err, src)
	}
	if err != nil {
		return
	}
	again, found := compiler.Compile(got.Policy)
	if again == nil {
		t.Fatalf("%v in what is recovered of\n%s", found, src)
	}
	if is, want := meaningsOf(again.Ruleset).settings, table.meanings().settings; is != want {
		t.Errorf("the recovered settings are %s, and not %s", is, want)
	}
	for _, k := range p.Knocks {
		i := slices.IndexFunc(got.Policy.Knocks, func(of *lang.Knock) bool { return of.Name.Text == k.Name.Text })
		of := got.Policy.Knocks[i]
		if !slices.Equal(textsOf(k.Steps), textsOf(of.Steps)) || of.Grant != k.Grant || of.Once != k.Once || len(k.Steps) > 1 && of.Within != k.Within {
			t.Errorf("recovered is\n%v, of\n%s", of, src)
		}
		for _, src := range []string{"192.0.2.7", "198.51.100.7", "198.51.100.200", "10.1.2.3", "2001:db8::7", "2001:db8:1::7", "::1"} {
			for _, iface := range []string{"eth0", "eth1", "wg0", "lan0", "br-lan", "lo"} {
				if admits(k, src, iface) != admits(of, src, iface) {
					t.Errorf("%v admits other sources than %v", of, k)
				}
			}
		}
		places := got.Places[k.Name.Text]
		grant, _ := result.Symbols.Grant(k.Name.Text)
		if places.Grant.Number != grant.Number || !slices.EqualFunc(places.Steps, result.Symbols.Steps(k.Name.Text, compiler.Opening), func(a, b compiler.Place) bool { return a.Kind == b.Kind && a.Number == b.Number }) {
			t.Errorf("the places of %s are %+v", k.Name.Text, places)
		}
	}
}

// admits reports whether a knock admits a source on an interface.
func admits(k *lang.Knock, src, iface string) bool {
	from := slices.ContainsFunc(k.From, func(p lang.Prefix) bool { return p.Contains(netip.MustParseAddr(src)) })
	on := slices.ContainsFunc(k.On, func(i lang.Iface) bool { return i.Name == iface || i.Wildcard && strings.HasPrefix(iface, i.Name) })
	return (from || len(k.From) == 0) && (on || len(k.On) == 0)
}

func checkKnocks(t rapid.TB, m *meanings, p *lang.Policy, src string) {
	t.Helper()
	if len(m.knocks) != len(p.Knocks) {
		t.Errorf("the rules tell of %d knocks in\n%s", len(m.knocks), src)
	}
	for _, want := range p.Knocks {
		if neverOpens(want) {
			continue
		}
		if got, is := fmt.Sprint(m.knock(want.Name.Text).told()), fmt.Sprint(toldOf(want)); got != is {
			t.Errorf("told is\n%s\nwant\n%s\nof\n%s", got, is, src)
		}
	}
}

// neverOpens reports whether the only step of a knock shuts what it would open.
func neverOpens(k *lang.Knock) bool {
	return len(k.Steps) == 1 && slices.Equal(textsOf(k.Steps), textsOf(k.Close))
}

// checkStates holds what the rules tell of elements to what the compiler does: of all
// that are made, except those since when a source is under way.
func checkStates(t rapid.TB, m *meanings, result *compiler.Result, src string) {
	t.Helper()
	made := map[place]state{}
	for _, c := range result.Ruleset.Chains {
		for _, r := range c.Rules {
			for _, does := range updatesOf(r) {
				means, ok := result.Symbols.Meaning(does.set, does.number)
				if ok && (means.Role == compiler.Grant || means.Step > 0) {
					made[place{does.set, does.number}] = state{means, m.knocks[means.Knock], does.bits}
				}
			}
		}
	}
	if !maps.Equal(m.states, made) {
		t.Errorf("the elements are told to be\n%+v, want\n%+v, in\n%s", m.states, made, src)
	}
}

// checkThings compares the sets and counters.
func checkThings(t rapid.TB, h *kernel, table *Table, p *lang.Policy, r *compiler.Ruleset) {
	t.Helper()
	status, err := h.Status(table)
	if err != nil {
		t.Fatal(err)
	}
	var sets []SetStatus
	for _, s := range r.Sets {
		if s.Codes {
			continue
		}
		sets = append(sets, SetStatus{s.Name, 0, p.Settings.Size})
	}
	slices.SortFunc(sets, func(a, b SetStatus) int { return cmp.Compare(a.Name, b.Name) })
	if !slices.Equal(status.Sets, sets) {
		t.Errorf("the sets are %v, want %v", status.Sets, sets)
	}
	for i, k := range status.Knocks {
		of := p.Knocks[slices.IndexFunc(p.Knocks, func(of *lang.Knock) bool { return of.Name.Text == k.Name })]
		if k.LetIn == nil || k.Refused == nil || (k.Barred == nil) != (len(of.From)+len(of.On) == 0) {
			t.Errorf("knock %d is not counted: %+v", i, k)
		}
	}
	if len(table.counters) != len(r.Counters) {
		t.Errorf("there are %d counters, want %d", len(table.counters), len(r.Counters))
	}
}

// What random policies are made of. The names could be taken for other words of comments
// and for names of chains.
var (
	knockNames = []string{"a", "ssh-2", "once", "service", "of", "at", "settings", "knockc", "no", "tcp_22", "a_at_tcp_1001", "ping_other", "guard"}
	stepTexts  = []string{"1001", "1002", "1003", "udp/1001", "udp/1004", "ping", "ping/84", "ping/0"}
	portTexts  = []string{"22", "443", "udp/500", "8000-8010", "8005-8020", "8007", "udp/20-30", "udp/25-900"}
	atTexts    = []string{"10.0.0.5", "10.0.1.0/24", "2001:db8:1::5", "2001:db8:2::/48"}
	fromTexts  = []string{"192.0.2.0/24", "198.51.100.7", "2001:db8::/32"}
	settings   = []string{
		"default drop", "refuse reject", "open 80 udp/9", "open 8005-8030 from 192.0.2.0/24", "size 100", "table mine",
		"trust 10.0.0.0/8 lan0", "priority -109", "hook input", "defaults < within 3s per /25 /113 reset known >",
	}
)

// drawPolicy draws the text of a policy.
func drawPolicy(t *rapid.T) string {
	var b strings.Builder
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(settings), 0, 4, rapid.ID).Draw(t, "settings")
	if slices.Contains(chosen, "hook input") {
		chosen = slices.DeleteFunc(chosen, func(s string) bool { return strings.HasPrefix(s, "priority") })
	}
	for _, s := range chosen {
		b.WriteString(s + "\n")
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(knockNames), 1, 5, rapid.ID).Draw(t, "names") {
		steps := strings.Fields(drawSteps(t, 5))
		coded := rapid.Bool().Draw(t, "coded")
		if coded {
			steps = slices.Insert(steps, rapid.IntRange(0, len(steps)).Draw(t, "code"), drawOne(t, "otp/1006", "otp/1007"))
		}
		fmt.Fprintf(&b, "knock %s < %s -> %s", name, strings.Join(steps, " "), drawSome(t, portTexts, 3))
		if coded {
			fmt.Fprintf(&b, ` key "%s" period %s ahead %s`, drawOne(t, "a.key", "/b.key"), drawOne(t, "10s", "1m"), drawOne(t, "2m", "7d"))
		}
		for _, clause := range []string{
			"within " + drawOne(t, "1s", "2500ms", "1h"), "total 4s", "grant " + drawOne(t, "30s", "forever"), "once", "log",
			"reset " + drawOne(t, "any", "known", "any revoke", "known revoke"), "close " + drawSteps(t, 3),
			"from " + drawSome(t, fromTexts, 2), "on " + drawOne(t, "eth0", `"eth*" lan0`), "at " + drawSome(t, atTexts, 3),
			"per " + drawOne(t, "/24 /64", "/25 /113"),
		} {
			if rapid.IntRange(0, 2).Draw(t, clause) == 0 {
				b.WriteString(" " + clause)
			}
		}
		b.WriteString(" >\n")
	}
	return b.String()
}

func drawOne(t *rapid.T, of ...string) string { return rapid.SampledFrom(of).Draw(t, "one") }

func drawSome(t *rapid.T, of []string, most int) string {
	return strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, most, rapid.ID).Draw(t, "some"), " ")
}

// drawSteps draws a sequence that is not of pings alone.
func drawSteps(t *rapid.T, most int) string {
	steps := rapid.SliceOfN(rapid.SampledFrom(stepTexts), 0, most-1).Draw(t, "steps")
	return strings.Join(append(steps, drawOne(t, "1001", "udp/1004", "1005")), " ")
}
