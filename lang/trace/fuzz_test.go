package trace

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/lang"
)

// addSeeds adds the traces of testdata, of the cases and of the golden files.
func addSeeds(f *testing.F) {
	traces, _ := filepath.Glob("../../testdata/traces/*.trace")
	for _, file := range traces {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	archives, _ := filepath.Glob("../../spec/cases/*.txtar")
	for _, file := range append(archives, "testdata/findings.txtar", "testdata/format.txtar") {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range archive.Files {
			if ext := filepath.Ext(a.Name); ext == ".txt" || ext == ".trace" {
				f.Add(a.Data)
			}
		}
	}
}

// FuzzParse: whatever the text, findings stand inside it, in order, and can be
// shown; without any, time never runs backwards.
func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		tr, found := Parse(src)
		last := 0
		for _, x := range found {
			start, end := x.Span.Start, x.Span.End
			if start.Offset < last || start.Offset > end.Offset || end.Offset > len(src) {
				t.Errorf("%q: finding outside of the text or its order: %+v", src, x)
			}
			checkSpan(t, src, x.Span)
			if !utf8.ValidString(x.Render("x", src)) {
				t.Errorf("%q: %q", src, x.Render("x", src))
			}
			last = start.Offset
		}
		for i, e := range tr.Events {
			checkSpan(t, src, e.Span)
			if e.At < 0 || e.Last() < e.At || len(found) == 0 && i > 0 && e.At < tr.Events[i-1].Last() {
				t.Errorf("%q: event %d at %v", src, i, e.At)
			}
		}
	})
}

// FuzzPrint: the events of a trace, printed, are the same again.
func FuzzPrint(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		before, found := Parse(src)
		if lang.HasErrors(found) {
			return
		}
		var printed []byte
		for i := range before.Events {
			printed = append(before.Events[i].AppendTo(printed), '\n')
		}
		after, found := Parse(printed)
		before.Policy, before.Start = nil, 0
		if diff := cmp.Diff(before, after, cmpopts.IgnoreTypes(lang.Span{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%q is printed as %q, %v: %s", src, printed, found, diff)
		}
	})
}

// checkSpan holds a span's lines and columns to its offsets.
func checkSpan(t *testing.T, src []byte, at lang.Span) {
	for _, p := range []lang.Pos{at.Start, at.End} {
		if want := position(src, p.Offset); p != want {
			t.Errorf("%q: %+v is really %+v", src, p, want)
		}
	}
}

// position counts the line and column of an offset from the start of the text.
func position(src []byte, offset int) lang.Pos {
	before := bytes.TrimPrefix(src[:offset], []byte(lang.ByteOrderMark))
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return lang.Pos{Offset: offset, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1}
}

// FuzzFormat: formatting keeps the words, the comments and the meaning, and
// changes nothing the second time.
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
			t.Errorf("%q becomes %q: other words", src, once)
		}
		before, _ := Parse(src)
		after, _ := Parse(once)
		if diff := cmp.Diff(before, after, cmpopts.IgnoreTypes(lang.Span{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%q becomes %q: %s", src, once, diff)
		}
	})
}

// texts are the words and comments of a trace, line by line; the name of a
// policy is one word.
func texts(src []byte) []string {
	var all []string
	var l line
	for t := newText(string(src)); t.rest != ""; {
		l.begin(&t)
		switch {
		case l.word(0) == "policy":
			all = append(all, "policy", l.from(1))
		default:
			for i := range l.count() {
				all = append(all, l.word(i))
			}
		}
		if comment := l.trailing(); comment != "" {
			all = append(all, comment)
		}
		if strings.Trim(l.text, white) != "" {
			all = append(all, "end of line")
		}
	}
	return all
}
