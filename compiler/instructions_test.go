//go:build linux

package compiler_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/samples"
)

// written is a ruleset in each of its forms.
func written(t *testing.T, r *compiler.Ruleset) map[string]string {
	t.Helper()
	var text, fragment strings.Builder
	if err := r.WriteNFT(&text, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Fragment().WriteFragment(&fragment, nil); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"text": text.String(), "fragment": fragment.String(), "netlink": fmt.Sprint(messages(t, r))}
}

// messages are what a ruleset sends to the kernel.
func messages(t *testing.T, r *compiler.Ruleset) (sent [][]byte) {
	t.Helper()
	c, err := nftables.New(nftables.WithTestDial(func(batch []netlink.Message) ([]netlink.Message, error) {
		for _, m := range batch {
			sent = append(sent, m.Data)
		}
		if batch != nil {
			return nil, nil
		}
		return []netlink.Message{{Header: netlink.Header{Type: netlink.Error}, Data: make([]byte, 4)}}, nil // an acknowledgement
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load(c); err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestWriters: each instruction is written in all forms, and no two of them alike.
func TestWriters(t *testing.T) {
	as := map[string]string{}
	for form, text := range written(t, samples.Ruleset(samples.Rule(""))) {
		as[form+words(text)] = "nothing"
	}
	for _, s := range append(samples.All(), samples.Endings()...) {
		what := fmt.Sprintf("%T%+v", s.Instruction, s.Instruction)
		for form, text := range written(t, samples.Ruleset(samples.Rule("", s.Instruction))) {
			key := form + words(text)
			if other := as[key]; other != "" {
				t.Errorf("%s: %s is written like %s", form, what, other)
			}
			as[key] = what
		}
	}
}

// words is a text without its white space, which a rule has for each of its instructions.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// unknown is a type of instruction that no reader knows.
type unknown struct{ compiler.Count }

// TestUnknownInstruction: what a writer does not know is never written as nothing.
func TestUnknownInstruction(t *testing.T) {
	r := samples.Ruleset(samples.Rule("", unknown{compiler.Count{Counter: "unused"}}))
	for form, write := range map[string]func(){
		"text":     func() { r.WriteNFT(&strings.Builder{}, nil) },
		"netlink":  func() { messages(t, r) },
		"fragment": func() { r.Fragment() },
	} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, "unknown") {
					t.Errorf("%s: it was written, with %v", form, said)
				}
			}()
			write()
		}()
	}
}

// TestFacts: an instruction tells of the family that it is for, of all that it refers to,
// and of its list.
func TestFacts(t *testing.T) {
	for _, s := range append(samples.All(), samples.Endings()...) {
		var fields fields
		fields.read(reflect.ValueOf(s.Instruction))
		var families []compiler.Family
		for _, f := range compiler.Families {
			if s.RunsFor(f) {
				families = append(families, f)
			}
		}
		if len(families) == 0 || fields.families != nil && !slices.Equal(families, fields.families) {
			t.Errorf("%T%+v runs for the families %v", s.Instruction, s.Instruction, families)
		}
		var refs []compiler.Ref
		s.Refs(func(r compiler.Ref) { refs = append(refs, compiler.Ref{Kind: r.Kind, Name: r.Name}) })
		if !slices.Equal(refs, fields.refs) {
			t.Errorf("%T%+v refers to %v, want %v", s.Instruction, s.Instruction, refs, fields.refs)
		}
		if n := s.Elements(); n != fields.elements {
			t.Errorf("%T%+v has %d elements, want %d", s.Instruction, s.Instruction, n, fields.elements)
		}
	}
}

// fields are those of an instruction that tell of families, of things of the table, and of
// lists.
type fields struct {
	families []compiler.Family
	refs     []compiler.Ref
	elements int
}

func (f *fields) read(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[compiler.Family]():
		f.families = append(f.families, compiler.Family(v.Int()))
	case v.Kind() == reflect.Slice:
		f.elements += v.Len()
		for i := range v.Len() {
			f.read(v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			kind, refers := map[string]compiler.RefKind{"Set": compiler.RefSet, "Counter": compiler.RefCounter, "Chain": compiler.RefChain}[v.Type().Field(i).Name]
			switch {
			case !refers:
				f.read(v.Field(i))
			case v.Field(i).String() != "":
				f.refs = append(f.refs, compiler.Ref{Kind: kind, Name: v.Field(i).String()})
			}
		}
	}
}
