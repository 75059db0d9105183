package lang

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// addSeeds adds the policies of testdata and of the golden files.
func addSeeds(f *testing.F) {
	policies, _ := filepath.Glob("../testdata/policies/*.knock")
	for _, file := range policies {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, file := range []string{"testdata/findings.txtar", "testdata/format.txtar"} {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range archive.Files {
			if filepath.Ext(a.Name) == ".knock" {
				f.Add(a.Data)
			}
		}
	}
}

func sameFinding(a, b Finding) bool {
	return a.Code == b.Code && a.Span == b.Span && a.Message == b.Message
}

// FuzzParse: whatever the text, every finding stands inside it and can be shown,
// and a policy without findings is written and read again as the same.
func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		policy, found := Examine(src)
		if _, errors := Errors(src); !slices.EqualFunc(errors, AtLeast(Error, found), sameFinding) {
			t.Errorf("%q: errors %+v, all findings %+v", src, errors, found)
		}
		for _, x := range found {
			start, end := x.Span.Start, x.Span.End
			if start.Offset < 0 || start.Offset > end.Offset || end.Offset > len(src) || start.Line < 1 || start.Column < 1 {
				t.Errorf("%q: finding outside of the text: %+v", src, x)
			}
			if !utf8.ValidString(x.Render("x", src)) {
				t.Errorf("%q: %q", src, x.Render("x", src))
			}
		}
		if HasErrors(found) {
			return
		}
		for _, k := range policy.Knocks {
			again, found := Parse([]byte(k.String()))
			if len(found) > 0 || len(again.Knocks) != 1 || again.Knocks[0].String() != k.String() {
				t.Errorf("%q is read as %q, %v", k, again.Knocks, found)
			}
		}
	})
}

// FuzzFormat: formatting keeps the tokens and comments and changes nothing the
// second time.
func FuzzFormat(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		once, _ := Format(src)
		if once == nil {
			return
		}
		twice, found := Format(once)
		if !bytes.Equal(once, twice) {
			t.Errorf("%q becomes %q, then %q, %v", src, once, twice, found)
		}
		if !slices.Equal(texts(src), texts(once)) {
			t.Errorf("%q becomes %q: other tokens", src, once)
		}
	})
}

func texts(src []byte) []string {
	s := scanned(src)
	var all []string
	for _, t := range merged(s.tokens, s.comments) {
		all = append(all, t.Value)
	}
	return all
}
