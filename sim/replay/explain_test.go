package replay_test

import (
	"bytes"
	"fmt"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// TestExplain shows what is said of expectations that fail. Each input is a
// policy, a line `---` and a trace.
func TestExplain(t *testing.T) {
	golden.Run(t, "testdata/explain.txtar", func(t *testing.T, name string, src []byte) []byte {
		policy, tr, _ := bytes.Cut(src, []byte("---\n"))
		result, events := compileBoth(t, policy, tr)
		player, err := replay.New(result)
		if err != nil {
			t.Fatal(err)
		}
		player.Explain(askedBy(events))
		var b bytes.Buffer
		for i := range events {
			player.Event(&events[i], func(o replay.Outcome) {
				if !o.OK() {
					fmt.Fprintf(&b, "%d: %s\n", o.Event.Span.Start.Line, o.Why)
				} else if o.Why != "" {
					t.Errorf("line %d holds, and is explained: %s", o.Event.Span.Start.Line, o.Why)
				}
			})
		}
		return b.Bytes()
	})
}

// compileBoth compiles a policy and reads a trace, both without errors.
func compileBoth(t *testing.T, policy, src []byte) (*compiler.Result, []trace.Event) {
	t.Helper()
	p, found := lang.Parse(policy)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	result, found := compiler.Compile(p)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	tr, found := trace.Parse(src)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	return result, tr.Events
}
