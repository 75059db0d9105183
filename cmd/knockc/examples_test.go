package main

import (
	"flag"
	"io"
	"strings"
	"testing"
)

// TestExamples: each command has examples, with flags and as many arguments as it has.
func TestExamples(t *testing.T) {
	if len(examples) != len(commands) {
		t.Errorf("examples for %d of %d commands", len(examples), len(commands))
	}
	for name, both := range examples {
		for _, e := range both {
			_, line, _ := strings.Cut(e.line, "knockc ")
			line, _, _ = strings.Cut(strings.NewReplacer(`"`, "", "10000 2345 ", "").Replace(line), " |")
			line, _, _ = strings.Cut(strings.TrimSuffix(line, ")"), " >")
			args := strings.Fields(line)
			c, err := findCommand(args[0])
			if err != nil || c.name != name {
				t.Errorf("%s: an example of %s", e.line, name)
				continue
			}
			flags := flag.NewFlagSet(name, flag.ContinueOnError)
			flags.SetOutput(io.Discard)
			c.setup(flags)
			if _, err := parseFlags(flags, args[1:]); err != nil {
				t.Errorf("%s: %v", e.line, err)
			}
		}
	}
}
