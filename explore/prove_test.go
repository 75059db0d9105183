package explore_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.org/knockc/explore"
)

// TestExamples proves the policies that the project shows, and those of its cases, as far
// as that takes little time.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../testdata/policies/*.knock")
	if err != nil || len(files) == 0 {
		t.Fatal("no policies", err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		packets := 0
		err = explore.Prove(t.Context(), compile(t, string(src)), 5000, func(p explore.Proof) {
			if packets += p.Packets; p.Differs != nil {
				t.Errorf("%s, knock %s: %+v", f, p.Knock, p.Differs)
			}
		})
		if err != nil || packets == 0 {
			t.Errorf("%s: %d packets, %v", f, packets, err)
		}
	}
}
