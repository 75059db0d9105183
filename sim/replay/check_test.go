package replay_test

import (
	"strings"
	"testing"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// TestCheck shows what is said of traces that cannot be replayed.
func TestCheck(t *testing.T) {
	policy, found := lang.Parse([]byte("knock ssh < 1000 2000 -> 22 > knock vpn < otp/62201 -> udp/51820 key \"key\" >"))
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	result, found := compiler.Compile(policy)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	golden.Run(t, "testdata/check.txtar", func(t *testing.T, name string, src []byte) []byte {
		tr, found := trace.Parse(src)
		if len(found) > 0 {
			t.Fatal(found)
		}
		var b strings.Builder
		for _, f := range replay.Check(tr, result) {
			b.WriteString(f.Render(name, src))
		}
		return []byte(b.String())
	})
}
