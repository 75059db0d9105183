package trace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"knockc/internal/golden"
	"knockc/lang/trace"
)

// TestFindings shows every kind of mistake in a trace.
func TestFindings(t *testing.T) {
	golden.Run(t, "testdata/findings.txtar", func(t *testing.T, name string, src []byte) []byte {
		_, found := trace.Parse(src)
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

// TestParse reads one line of each form.
func TestParse(t *testing.T) {
	text := "\ufeff# a comment\r\npolicy \"my policy.knock\" # named\r\n" +
		"12.5 192.0.2.7:50001->22 psh ack=>accept\r\n" +
		"+1 [2001:db8::7]:1 -> udp/53\n" +
		"+1m0.5s 2001:db8::7 -> tcp/22 null => reject # why\n" +
		"+0 expect ssh closed for 192.0.2.7\n"
	tr, found := trace.Parse([]byte(text))
	if len(found) > 0 {
		t.Fatal(found)
	}
	if tr.Policy == nil || tr.Policy.File != "my policy.knock" {
		t.Errorf("policy %+v", tr.Policy)
	}
	want := []string{
		"12.5s 192.0.2.7:50001 tcp/22 psh,ack accept",
		"13.5s [2001:db8::7]:1 udp/53  ",
		"1m14s 2001:db8::7 tcp/22  reject",
		"1m14s ssh closed 192.0.2.7",
	}
	for i, e := range tr.Events {
		got := e.At.String() + " "
		if p := e.Packet; p != nil {
			got += p.Source() + " " + p.Proto.String() + "/" + fmt.Sprint(p.DstPort) + " " + p.Flags.String() + " " + string(p.Want)
		} else {
			got += e.Expect.Knock + " " + string(e.Expect.State) + " " + e.Expect.Src.String()
		}
		if got != want[i] {
			t.Errorf("line %d is read as %q, want %q", e.Span.Start.Line, got, want[i])
		}
	}
	if len(tr.Events) != len(want) {
		t.Errorf("%d events, want %d", len(tr.Events), len(want))
	}
}

// FuzzParse: whatever the text, findings stand inside it and time never runs
// backwards.
func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		tr, found := trace.Parse(src)
		for _, x := range found {
			if x.Span.Start.Offset < 0 || x.Span.Start.Offset > x.Span.End.Offset || x.Span.End.Offset > len(src) {
				t.Errorf("%q: finding outside of the text: %+v", src, x)
			}
			if !utf8.ValidString(x.Render("x", src)) {
				t.Errorf("%q: %q", src, x.Render("x", src))
			}
		}
		for i, e := range tr.Events {
			if e.At < 0 || i > 0 && e.At < tr.Events[i-1].At {
				t.Errorf("%q: event %d at %v", src, i, e.At)
			}
		}
	})
}

func addSeeds(f *testing.F) {
	traces, _ := filepath.Glob("../../testdata/traces/*")
	for _, file := range traces {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	archives, _ := filepath.Glob("../../spec/cases/*.txtar")
	for _, file := range append(archives, "testdata/findings.txtar") {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, a := range archive.Files {
			if strings.HasSuffix(a.Name, ".txt") || strings.HasSuffix(a.Name, ".trace") {
				f.Add(a.Data)
			}
		}
	}
}
