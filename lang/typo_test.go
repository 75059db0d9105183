package lang

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/lexer"
)

// examples are the policies in the language's documents.
func examples(t testing.TB) []string {
	document, err := os.ReadFile("../spec/language.md")
	if err != nil {
		t.Fatal(err)
	}
	var policies []string
	for _, block := range regexp.MustCompile("(?ms)^```knock[^\n]*\n(.*?)^```").FindAllSubmatch(document, -1) {
		if _, found := Examine(block[1]); !HasErrors(found) {
			policies = append(policies, string(block[1]))
		}
	}
	return policies
}

// TestTypos makes one typing mistake in every keyword, punctuation mark and unit
// of the documents' examples, one at a time: each must give a finding that covers
// or touches the mistake or, where something is missing, what it is missing from.
func TestTypos(t *testing.T) {
	policies := examples(t)
	if len(policies) < 10 {
		t.Fatalf("only %d examples", len(policies))
	}
	mistakes := 0
	for _, policy := range policies {
		for _, m := range typos(policy) {
			mistakes++
			_, found := Parse([]byte(m.text))
			if HasErrors(found) && touches(found, m) {
				continue
			}
			t.Errorf("%s\nat %d says\n%s", m.text, m.start, rendered(found, m.text))
		}
	}
	t.Logf("%d mistakes in %d examples", mistakes, len(policies))
}

// typo is a text with a mistake in some bytes of it.
type typo struct {
	text       string
	start, end int
}

// typos are the mistakes that can be made in a policy.
func typos(policy string) []typo {
	tokens := scanned([]byte(policy)).tokens
	var all []typo
	replace := func(t lexer.Token, text string) {
		start := t.Pos.Offset
		all = append(all, typo{policy[:start] + text + policy[start+len(t.Value):], start, start + len(text)})
	}
	for i, t := range tokens {
		switch {
		case t.Type == tokenPunct:
			replace(t, " ; ")
			if strings.ContainsAny(t.Value, "<>") { // without another mark there is another policy, as good as this
				replace(t, " ")
			}
			if t.Value == "->" {
				replace(t, "-")
				replace(t, ">")
				replace(t, "=>")
			}
		case t.Type == tokenString:
			replace(t, t.Value[1:])
			replace(t, t.Value[:len(t.Value)-1])
		case isKeyword(tokens, i):
			replace(t, t.Value[:1]+"q"+t.Value[1:])
			if len(t.Value) > 2 {
				replace(t, t.Value[:len(t.Value)-1]+"x")
			}
		case t.Type == tokenNumber && strings.ContainsAny(t.Value[len(t.Value)-1:], "dhms") && !strings.Contains(t.Value, ":"):
			replace(t, t.Value+"x")
			replace(t, t.Value[:len(t.Value)-1]+"y")
		}
	}
	return all
}

// isKeyword reports whether a word means something where it stands, and is not a
// name.
func isKeyword(tokens []lexer.Token, i int) bool {
	t := tokens[i]
	if i > 0 && (tokens[i-1].Type == tokenKnock || tokens[i-1].Value == "table") {
		return false
	}
	switch t.Type {
	case tokenKeyword, tokenProto, tokenKnock:
		return true
	}
	return t.Type == tokenWord && !strings.ContainsAny(t.Value, "0123456789*:")
}

// touches reports whether a finding stands at the mistake. For a missing mark it
// may stand at the head of the declaration that lacks it.
func touches(found []Finding, m typo) bool {
	missing := strings.TrimSpace(m.text[m.start:m.end]) == ""
	for _, f := range found {
		start := f.Span.Start.Offset
		if start <= m.end && m.start <= f.Span.End.Offset {
			return true
		}
		if missing && start <= m.start && strings.Count(m.text[start:m.start], "knock ") <= 1 {
			return true
		}
	}
	return false
}

func rendered(found []Finding, text string) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.Render("typo", []byte(text)))
	}
	return b.String()
}
