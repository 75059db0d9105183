package main

import (
	"bytes"
	"flag"
	"path/filepath"

	"knockc/knockd"
	"knockc/lang"
)

var importCommand = &command{
	name:  "import",
	usage: "[-o FILE] KNOCKD.CONF",
	short: "make a policy of a configuration of knockd",
	long: `
Import reads a configuration of knockd and prints a policy that does the same:
doors become knocks, what their commands open with iptables, nft or ufw becomes
services, and a door that shuts another becomes its close sequence.

What cannot be carried over is said in a warning with its line, and in a comment
of the policy. A door of which no knock can be made becomes a comment as a whole,
to be completed by hand. So the policy never has errors, and the exit status is
0. It is 1 if the configuration itself has errors; then there is no policy.

spec/import.md says what becomes what. A KNOCKD.CONF of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		output := flags.String("o", stdio, "write to `FILE`, which only its owner can read if it is new")
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one configuration")
			case *output == "":
				return usagef("-o needs a file")
			case sameFile(args[0], *output):
				return usagef("-o would overwrite the configuration %s", args[0])
			}
			return runImport(s, args[0], *output)
		}
	},
}

func runImport(s *streams, name, output string) error {
	src, err := s.read(name)
	if err != nil {
		return err
	}
	shown := filepath.Base(name)
	if name == stdio {
		shown = "standard input"
	}
	policy, found := knockd.Import(shown, src)
	findings := lang.NewFileFindings(name, bytes.NewReader(src), found)
	if err := findings.Err(); err != nil {
		return err
	}
	findings.Render(s.err, s.errColor)
	return s.write(output, policy, 0o600)
}
