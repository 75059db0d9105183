package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// inTestTime shortens the deadlines of the example, so that they pass within a
// test.
var inTestTime = strings.NewReplacer("within 5s", "within 300ms", "grant 10s", "grant 600ms", "timeout 5s", "timeout 300ms", "timeout 10s", "timeout 600ms")

func readInTestTime(t *testing.T, file string) string {
	t.Helper()
	return inTestTime.Replace(readFile(t, file))
}

// TestRecipeOnKernel gives the same packets to the rules that one would write by
// hand for the four-port example and to ours: both must do what the model says.
func TestRecipeOnKernel(t *testing.T) {
	policyText := readInTestTime(t, "../testdata/policies/ssh.knock")
	recipe := readInTestTime(t, "../testdata/recipe/ssh.nft")
	policy, _ := lang.Parse([]byte(policyText))

	var pairs []*pair
	var scripts []string
	for seed := range 20 {
		events := rapid.Custom(func(t *rapid.T) []trace.Event { return drawTrace(t, policy, 0, 0) }).Example(seed)
		p, err := newPair("ssh.knock", policyText, events)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, p, p)
		scripts = append(scripts, script(t, p.result), recipe)
	}
	total := tally{traces: len(pairs)}
	for _, o := range onKernelWith(t, pairs, scripts) {
		total.judge(t, o)
	}
	t.Log(&total)
}
