package knockd

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
)

// TestImport shows what is said of each configuration, and the policy made of it.
func TestImport(t *testing.T) {
	golden.Run(t, "testdata/import.txtar", func(t *testing.T, name string, src []byte) []byte {
		policy, found := Import(name, src)
		holds(t, policy, found)
		var b strings.Builder
		for _, f := range found {
			b.WriteString(f.Render(name, src))
		}
		b.Write(policy)
		return []byte(b.String())
	})
}

// holds holds a policy to what [Import] says of it.
func holds(t *testing.T, policy []byte, found []lang.Finding) {
	t.Helper()
	if lang.HasErrors(found) {
		if policy != nil {
			t.Errorf("a policy in spite of errors: %q", policy)
		}
		return
	}
	if errors := policyErrors(policy); len(errors) > 0 {
		t.Errorf("the policy has errors: %q, %v", policy, errors)
	}
	if again, _ := lang.Format(policy); policy == nil || !bytes.Equal(policy, again) {
		t.Errorf("not in canonical form: %q", policy)
	}
}

// TestCommands shows what is understood of commands. Each line is one, and behind
// the arrow what it opens, or why that cannot be told.
func TestCommands(t *testing.T) {
	golden.Run(t, "testdata/commands.txtar", func(t *testing.T, _ string, src []byte) []byte {
		var b strings.Builder
		for line := range strings.Lines(string(src)) {
			line = strings.TrimSpace(line)
			o, problem := readCommand(line, "eth0")
			b.WriteString(line + "\n\t->")
			switch {
			case problem != "":
				b.WriteString(" " + problem)
			case o.remove:
				b.WriteString(" takes back" + lang.List(o.services))
			default:
				b.WriteString(lang.List(o.services))
			}
			if len(o.at) > 0 {
				b.WriteString(" at" + where(o.at))
			}
			b.WriteString("\n")
		}
		return []byte(b.String())
	})
}

// TestLongConfiguration: a configuration whose policy would be too long is an error.
func TestLongConfiguration(t *testing.T) {
	src := "[a]\nsequence = 1,2\ncommand = " + strings.Repeat("x", lang.MaxPolicy-40)
	if policy, found := Import("knockd.conf", []byte(src)); policy != nil || !lang.HasErrors(found) {
		t.Errorf("a policy of %d bytes", len(policy))
	}
}

// FuzzImport: whatever the configuration, every finding stands inside it, and
// the policy is canonical and has no errors.
func FuzzImport(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/import.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, a := range archive.Files {
		if strings.HasSuffix(a.Name, ".conf") {
			f.Add(a.Data)
		}
	}
	commands, err := os.ReadFile("testdata/commands.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(commands)) {
		f.Add([]byte("[a]\nsequence = 7000,8000\ncommand = " + line))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		policy, found := Import("knockd.conf", src)
		holds(t, policy, found)
		for _, x := range found {
			start, end := x.Span.Start, x.Span.End
			if start.Offset < 0 || start.Offset > end.Offset || end.Offset > len(src) || start.Line < 1 || start.Column < 1 {
				t.Errorf("%q: finding outside of the text: %+v", src, x)
			}
			x.Render("knockd.conf", src)
		}
	})
}
