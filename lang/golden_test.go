package lang_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
)

// TestFindings shows every kind of mistake as its author would see it. Infos are shown
// for files whose names end in -v, as `knockc check -v` shows them.
func TestFindings(t *testing.T) {
	golden.Run(t, "testdata/findings.txtar", func(t *testing.T, name string, src []byte) []byte {
		_, found := lang.Examine(src)
		if !strings.HasSuffix(name, "-v.knock") {
			found = slices.DeleteFunc(found, func(f lang.Finding) bool { return f.Severity == lang.Info })
		}
		if len(found) == 0 {
			t.Error("no finding")
		}
		var b strings.Builder
		for _, f := range found {
			b.WriteString(f.Render(name, src))
		}
		return []byte(b.String())
	})
}

// TestFormat shows the canonical form of each input; formatting it again must
// change nothing.
func TestFormat(t *testing.T) {
	golden.Run(t, "testdata/format.txtar", func(t *testing.T, name string, src []byte) []byte {
		once, found := lang.Format(src)
		for _, f := range found {
			t.Error(f.Render(name, src))
		}
		if twice, _ := lang.Format(once); !bytes.Equal(once, twice) {
			t.Errorf("formatted again:\n%s", twice)
		}
		return once
	})
}

// TestFormatEmpty tells an empty policy, which stays one, from a faulty one.
func TestFormatEmpty(t *testing.T) {
	for _, src := range []string{"", "\ufeff", " \r\n\n"} {
		if got, found := lang.Format([]byte(src)); got == nil || len(got) > 0 || len(found) > 0 {
			t.Errorf("%q becomes %q, %v", src, got, found)
		}
	}
}
