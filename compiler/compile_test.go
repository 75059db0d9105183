package compiler_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
)

func compile(t *testing.T, text string) *compiler.Result {
	t.Helper()
	policy, found := lang.Examine([]byte(text))
	result, more := compiler.Compile(policy)
	for _, f := range append(found, more...) {
		if f.Severity == lang.Error {
			t.Fatal(f.Render("policy", []byte(text)))
		}
	}
	return result
}

// TestNFT shows the script of some policies; each comes out the same twice.
func TestNFT(t *testing.T) {
	golden.Run(t, "testdata/nft.txtar", func(t *testing.T, _ string, src []byte) []byte {
		var scripts [2]bytes.Buffer
		for i := range scripts {
			if err := compile(t, string(src)).Ruleset.WriteNFT(&scripts[i], []string{"a header", "", "of two lines"}); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(scripts[0].Bytes(), scripts[1].Bytes()) {
			t.Error("the same policy makes different scripts")
		}
		return scripts[0].Bytes()
	})
}

// TestConstantCost: from a few knocks on, the sets are the same however many there are,
// with whatever clauses, and so are the rules that a packet meets whose source has no
// state: at a port that is not named, and at one that all knocks guard.
func TestConstantCost(t *testing.T) {
	count := func(knocks int, step, clauses, service string) (sets, rules int) {
		var policy strings.Builder
		for i := range knocks {
			fmt.Fprintf(&policy, "knock k%d < %s%d %d -> %s 50022 %s >\n", i, step, 1+i, 20001+i, strings.ReplaceAll(service, "N", fmt.Sprint(40000+i)), clauses)
		}
		r := compile(t, policy.String())
		for _, c := range r.Ruleset.Chains {
			if c.Hook != nil {
				rules += len(c.Rules)
			}
			if c.Name == "tcp_50022" {
				last := slices.IndexFunc(c.Rules, func(r compiler.Rule) bool { return r.Comment == "service of k0" })
				rules += last
			}
		}
		return len(r.Ruleset.Sets) - len(r.Codes), rules
	}
	if sets, rules := count(1, "", "reset any revoke", "N"); sets == 0 || rules > 12 {
		t.Errorf("%d sets, %d rules", sets, rules)
	}
	for _, clauses := range []string{
		"", "total 1s log", "reset any", "reset known revoke", "reset any revoke once close 9 8 grant forever", "per /24 /64 from 192.0.2.0/24 on eth0",
	} {
		for _, service := range []string{"N", "65000-65500"} {
			sets, rules := count(20, "", clauses, service)
			if s, r := count(2000, "", clauses, service); s != sets || r != rules {
				t.Errorf("%q: 20 knocks: %d sets, %d rules; 2000 knocks: %d sets, %d rules", clauses, sets, rules, s, r)
			}
			if s, r := count(2000, "otp/", clauses+` key "k"`, service); s != sets || r != rules {
				t.Errorf("%q: 20 knocks: %d sets, %d rules; with codes: %d sets beside those of codes, %d rules", clauses, sets, rules, s, r)
			}
		}
	}
}

// TestManyLengths: guards know a few lengths of addresses, so that as many lengths as
// there can be cost a stranger a bounded number of lookups.
func TestManyLengths(t *testing.T) {
	var policy strings.Builder
	for i := range 128 {
		fmt.Fprintf(&policy, "knock k%d < %d %d -> 50022 reset any revoke per /%d /%d grant 1m >\n", i, 1+i, 20001+i, 1+i%32, 1+i)
	}
	for _, c := range compile(t, policy.String()).Ruleset.Chains {
		if c.Hook != nil && len(c.Rules) > 30 {
			t.Errorf("the base chain has %d rules", len(c.Rules))
		}
	}
}

// TestStateNumbers: an edit of a knock changes the states after the edit and no
// others, so that nobody inherits what they did not do.
func TestStateNumbers(t *testing.T) {
	states := func(text string) map[string]bool {
		all := map[string]bool{}
		result := compile(t, text)
		for _, c := range result.Ruleset.Chains {
			for _, r := range c.Rules {
				for _, i := range r.Instructions {
					u, ok := i.(compiler.Update)
					if _, means := result.Symbols.Meaning(u.Set, u.Key.State); ok && means && u.Key.Family == compiler.IPv4 {
						all[fmt.Sprint(u.Set, u.Key.State)] = true
					}
				}
			}
		}
		return all
	}
	before := states("knock a < 1 2 3 -> 22 > knock b < 1 2 3 -> 22 >")
	if len(before) != 6 {
		t.Errorf("two knocks of three steps have %d states, want 6", len(before))
	}
	for _, test := range []struct {
		edit, policy string
		kept         int
	}{
		{"time", "knock a < 1 2 3 -> 22 within 1s > knock b < 1 2 3 -> 22 >", 3},
		{"log", "knock a < 1 2 3 -> 22 log > knock b < 1 2 3 -> 22 >", 6},
		{"grant forever", "knock a < 1 2 3 -> 22 grant forever > knock b < 1 2 3 -> 22 >", 3},
		{"services", "knock a < 1 2 3 -> 23 > knock b < 1 2 3 -> 22 >", 3},
		{"last step", "knock a < 1 2 4 -> 22 > knock b < 1 2 3 -> 22 >", 3},
		{"per", "knock a < 1 2 3 -> 22 per /24 /64 > knock b < 1 2 3 -> 22 >", 3},
		{"from", "knock a < 1 2 3 -> 22 from 192.0.2.0/24 > knock b < 1 2 3 -> 22 >", 3},
		{"first step", "knock a < 4 2 3 -> 22 > knock b < 1 2 3 -> 22 >", 3},
		{"name", "knock c < 1 2 3 -> 22 > knock b < 1 2 3 -> 22 >", 3},
		{"code", `knock a < otp/1 2 3 -> 22 key "k" > knock b < 1 2 3 -> 22 >`, 3},
		{"protocol", "knock a < udp/1 2 3 -> 22 > knock b < 1 2 3 -> 22 >", 3},
		{"removed", "knock b < 1 2 3 -> 22 >", 3},
		{"order of knocks", "knock b < 1 2 3 -> 22 > knock a < 1 2 3 -> 22 >", 6},
	} {
		kept := 0
		for s := range states(test.policy) {
			if before[s] {
				kept++
			}
		}
		if kept != test.kept {
			t.Errorf("edit %q keeps %d states, want %d", test.edit, kept, test.kept)
		}
	}
}

// TestCodes: what a knock says of its codes tells of their set. Another key or period is
// another knock; how far ahead codes are known is not.
func TestCodes(t *testing.T) {
	policy := func(clauses string) string { return "knock a < otp/1 2 -> 22 " + clauses + " > knock b < 1 2 -> 22 >" }
	r := compile(t, policy(`key "a.key" period 1m ahead 1h`))
	c := r.Codes[0]
	c.Key.Span = lang.Span{}
	want := compiler.CodesOf{Knock: "a", Set: "a_codes", Key: lang.KeyFile{Path: "a.key"}, Period: time.Minute, Ahead: time.Hour, Size: 81}
	if len(r.Codes) != 1 || c != want {
		t.Errorf("the codes are %+v", r.Codes)
	}
	if knock, ok := compiler.KnockOfCodes(c.Set); !ok || knock != "a" {
		t.Errorf("the codes are for %q", knock)
	}
	grant, _ := r.Symbols.Grant("a")
	for clauses, want := range map[string]struct{ grant, mark bool }{
		`key "a.key" period 1m ahead 1h`:      {true, true},
		`key "a.key" period 1m ahead 2h`:      {true, false},
		`key "b.key" period 1m ahead 1h`:      {false, false},
		`key "a.key" period 30s ahead 1h`:     {false, false},
		`key "a.key" period 1m ahead 1h log`:  {true, false},
		`key "a.key" period 1m ahead 60m log`: {true, false},
	} {
		other := compile(t, policy(clauses))
		place, _ := other.Symbols.Grant("a")
		if (place == grant) != want.grant || (other.Ruleset.Mark() == r.Ruleset.Mark()) != want.mark {
			t.Errorf("%s: the same grant: %v, the same mark: %v", clauses, place == grant, !want.mark)
		}
	}
}

// TestCollision: two knocks whose state numbers are equal are an error at the
// later one. The names were found by search.
func TestCollision(t *testing.T) {
	policy, _ := lang.Parse([]byte("knock k22264 < 1 -> 22 >\nknock k98323 < 1 -> 22 >"))
	result, found := compiler.Compile(policy)
	if result != nil || len(found) != 1 {
		t.Fatalf("result %v, findings %v", result, found)
	}
	if f := found[0]; f.Code != lang.CodeState || f.Span.Start.Line != 2 || f.Hint == "" {
		t.Errorf("finding %+v", f)
	}
}
