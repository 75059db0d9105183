package playground_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"example.org/knockc/playground"
)

// TestRanges: findings and fixes have places in UTF-16 code units, as the page counts, also
// after characters that have more bytes, or two of these units.
func TestRanges(t *testing.T) {
	const before = "# für 🚪\r\n"
	src := before + misspelt + "\n# 🚪🚪\n" + strings.ReplaceAll(misspelt, "ssh", "web")
	units := utf16.Encode([]rune(src))
	a := playground.Answer(playground.Question{Policy: src})
	if len(a.Policy.Findings) != 2 || a.Policy.Formatted != nil || a.Replay != nil || a.Rules != "" {
		t.Fatalf("%+v", a)
	}
	for i, f := range slices.Backward(a.Policy.Findings) {
		if got := string(utf16.Decode(units[f.From:f.To])); got != "wihtin" {
			t.Errorf("finding %d is at %q", i, got)
		}
		if f.Fix == nil {
			t.Fatalf("finding %d has no fix", i)
		}
		units = slices.Concat(units[:f.Fix.From], utf16.Encode([]rune(f.Fix.Text)), units[f.Fix.To:])
	}
	if got, want := string(utf16.Decode(units)), strings.ReplaceAll(src, "wihtin", "within"); got != want {
		t.Errorf("mended:\n%s\nwant:\n%s", got, want)
	}
}

// TestAnswers: whatever the fields hold, there is an answer, and what it says of a trace
// does not depend on the name that the trace has for the policy.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct{ policy, trace, says string }{
		"good":                  {policy, "policy some/where.knock\n" + knocking, ""},
		"nothing":               {"", "", ""},
		"no trace":              {policy, "", ""},
		"a mistake in a trace":  {policy, "0s me -> 22\n", "not an IPv4"},
		"both":                  {misspelt, "0s me -> 22\n", "not an IPv4"},
		"an unknown knock":      {policy, "0s expect web open for 192.0.2.7\n", "web"},
		"a capture":             {policy, "\xd4\xc3\xb2\xa1 is how a capture begins", ""},
		"gzip":                  {"\x1f\x8b\x08", "\x1f\x8b\x08", ""},
		"a code without a key":  {`knock ssh < otp/62201 -> 22 key "ssh.key" >`, "0s 192.0.2.7 -> udp/62201 otp ssh\n+1s 192.0.2.7 -> 22 => accept\n", ""},
		"what fails":            {policy, "0s 192.0.2.7 -> 22 => accept\n", "wanted accept"},
		"a name of a file":      {policy, "policy ../../etc/passwd\n" + knocking, ""},
		"more than is numbered": {policy, strings.Repeat("x\n", 1000), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			a := playground.Answer(playground.Question{Policy: c.policy, Trace: c.trace})
			var said []string
			for _, f := range a.Trace.Findings {
				said = append(said, f.Message)
				if end := len(utf16.Encode([]rune(c.trace))); f.From < 0 || f.To < f.From || f.To > end {
					t.Errorf("%s is at %d to %d of %d", f.Message, f.From, f.To, end)
				}
			}
			all := strings.Join(said, "\n")
			if c.says != "" && !strings.Contains(all, c.says) || name == "good" && all != "" {
				t.Errorf("it says of the trace: %q", all)
			}
		})
	}
	a := playground.Answer(playground.Question{Policy: policy, Trace: "policy nowhere.knock\n" + knocking})
	if a.Replay == nil || !a.Replay.Passed || len(a.Beside) != 5 || a.Beside[3].Text != "pass  ssh open until 14s" || a.Met != 5 || len(a.Missed) != 1 {
		t.Errorf("%+v, %+v, %d of %d met", a.Replay, a.Beside, a.Met, a.Of)
	}
}

// TestCandidates: words that fit are offered, and the knocks of the policy.
func TestCandidates(t *testing.T) {
	if got := playground.Candidates(false, "knock ssh < 1 2 -> 22 ", ""); !slices.Contains(got, "within") {
		t.Errorf("%q", got)
	}
	if got := playground.Candidates(true, knocking+"+1s expect ", policy); !slices.Contains(got, "ssh") {
		t.Errorf("%q", got)
	}
}
