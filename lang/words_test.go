package lang

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryClause gives each clause to a knock, and to `defaults` if it can stand there.
// It must be read, hold for the knock, and be written again.
func TestEveryClause(t *testing.T) {
	values := map[Clause]string{
		ClauseWithin: "3s", ClauseTotal: "1m", ClauseGrant: "20s", ClauseReset: "any revoke", ClauseClose: "1005 1007",
		ClauseFrom: "10.0.0.0/8", ClauseOn: `"eth0"`, ClauseAt: "10.0.0.5/32", ClausePer: "/24 /64", ClauseLog: `"open"`,
		ClauseKey: `"alpha key"`, ClausePeriod: "1m", ClauseAhead: "1d",
	}
	for i, word := range ClauseWords {
		clause := strings.TrimSpace(word + " " + values[Clause(i)])
		steps := "1001 1003"
		if slices.Contains(codeClauses, Clause(i)) {
			steps = "1001 otp/1003"
		}
		policies := []string{"knock a < " + steps + " -> 22 " + clause + " >"}
		if clauses[i].place == inDefaults {
			policies = append(policies, "defaults < "+clause+" > knock a < "+steps+" -> 22 >")
		}
		for _, text := range policies {
			policy, found := Parse([]byte(text))
			if len(found) > 0 {
				t.Error(rendered(found, text))
			} else if k := policy.Knocks[0].String(); !strings.Contains(k, " "+clause+" ") {
				t.Errorf("%s\nis written as %s", text, k)
			}
		}
	}
}

// TestEverySetting looks whether the word of each setting is read as one.
func TestEverySetting(t *testing.T) {
	for i, word := range SettingWords {
		policy, found := Parse([]byte(word))
		if _, ok := policy.Settings.Given[Setting(i)]; !ok {
			t.Error(rendered(found, word))
		}
	}
}
