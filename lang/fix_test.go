package lang_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// TestFixes: the edit that a hint asks for mends what was found. That may show other
// mistakes, but not the same one at the same place.
func TestFixes(t *testing.T) {
	examine := map[string]func([]byte) []lang.Finding{
		".knock": func(src []byte) []lang.Finding { _, found := lang.Examine(src); return found },
		".trace": func(src []byte) []lang.Finding { _, found := trace.Parse(src); return found },
	}
	fixed := map[string]int{}
	for _, file := range []string{"testdata/findings.txtar", "trace/testdata/findings.txtar"} {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range archive.Files {
			ext := filepath.Ext(a.Name)
			if examine[ext] == nil {
				continue
			}
			for _, f := range examine[ext](a.Data) {
				if f.Fix == (lang.Edit{}) {
					continue
				}
				fixed[ext]++
				at := f.Fix.Span
				after := string(a.Data[:at.Start.Offset]) + f.Fix.Text + string(a.Data[at.End.Offset:])
				for _, left := range examine[ext]([]byte(after)) {
					if left.Message == f.Message && left.Span.Start.Line == f.Span.Start.Line {
						t.Errorf("%s: %s: still there in %q", a.Name, f.Message, after)
					}
				}
				if !strings.Contains(f.Hint, strings.TrimSpace(f.Fix.Text)) && f.Hint != "leave it out" {
					t.Errorf("%s: the hint %q does not say %q", a.Name, f.Hint, f.Fix.Text)
				}
			}
		}
	}
	if fixed[".knock"] < 30 || fixed[".trace"] < 8 {
		t.Errorf("only %v were fixed", fixed)
	}
}
