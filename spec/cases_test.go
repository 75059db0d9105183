package spec

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/compiler"
	"example.org/knockc/lang/trace"
)

// loadCases reads the hand-written cases: in each a policy.knock and a
// trace.txt.
func loadCases(t *testing.T) []*pair {
	t.Helper()
	files, err := filepath.Glob("cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var pairs []*pair
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content := map[string]string{}
		for _, f := range archive.Files {
			content[f.Name] = string(f.Data)
		}
		tr, found := trace.Parse([]byte(content["trace.txt"]))
		for _, f := range found {
			t.Fatalf("%s: %s", file, f.Render("trace.txt", []byte(content["trace.txt"])))
		}
		p, err := newPair(strings.TrimSuffix(filepath.Base(file), ".txtar"), content["policy.knock"], tr.Events)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		p.start = tr.Start
		pairs = append(pairs, p)
	}
	return pairs
}

// script is the nft text of a compiled policy.
func script(t testing.TB, r *compiler.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Ruleset.WriteNFT(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCases holds the model and the simulator to what the cases expect.
func TestCases(t *testing.T) {
	for _, p := range loadCases(t) {
		t.Run(p.name, func(t *testing.T) {
			model := onModel(p.policy, p.start, p.events)
			simulated, _, err := onSim(p.result, p.start, p.events)
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range p.events {
				want := model[i]
				if e.Packet != nil && e.Packet.Want != "" {
					want = string(e.Packet.Want)
				} else if e.Expect != nil && e.Expect.At != nil {
					want = strconv.Itoa(e.Expect.At.Step)
				} else if e.Expect != nil {
					want = string(e.Expect.State)
				}
				if model[i] != want || simulated[i] != want {
					t.Errorf("trace.txt:%d: want %s, model %s, simulator %s", e.Span.Start.Line, want, model[i], simulated[i])
				}
			}
		})
	}
}

// TestCasesOnKernel gives the same packets to the kernel. Cases are short, so
// that they run in real time.
func TestCasesOnKernel(t *testing.T) {
	pairs := loadCases(t)
	for _, p := range pairs {
		if last := p.events[len(p.events)-1].At; last > 5*time.Second {
			t.Errorf("%s lasts %v; a case takes at most 5s", p.name, last)
		}
	}
	var total tally
	for _, o := range onKernel(t, pairs) {
		total.judge(t, o)
		total.traces++
	}
	t.Log(&total)
}

// TestCasesNotice holds the cases to their purpose: whichever rule about a port
// is left out, or swaps the state that it asks for with the one that it sets,
// the case "order" must notice. What a trace cannot send has tests of its own:
// truncated segments and broadcasts.
func TestCasesNotice(t *testing.T) {
	pairs := loadCases(t)
	p := pairs[slices.IndexFunc(pairs, func(p *pair) bool { return p.name == "order" })]
	want, _, err := onSim(p.result, p.start, p.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants(p.result.Ruleset) {
		got, _, err := onSim(&compiler.Result{Ruleset: m.ruleset, Symbols: p.result.Symbols, Policy: p.policy, Codes: p.result.Codes}, p.start, p.events)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(got, want) {
			t.Errorf("nothing shows that %s", m.what)
		}
	}
}
