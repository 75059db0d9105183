package main

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"

	"example.org/knockc/knockd"
	"example.org/knockc/lang"
)

var importCommand = &command{
	name:  "import",
	usage: "[-o FILE] KNOCKD.CONF",
	short: "make a policy from a configuration of knockd",
	long: `
Import reads a configuration of knockd and prints a policy that does the same.
A door of knockd becomes a knock. The ports that its command opens with iptables, nft,
ufw or firewall-cmd become the services. A door that closes another door becomes the
"close" sequence of that knock.

If something cannot be converted, import prints a warning with its line, and adds a
comment to the policy. If a whole door cannot be converted, all of it becomes a
comment, which you can complete by hand. So the policy never has errors, and the exit
status is 0. If the configuration itself has errors, import prints no policy, and the
exit status is 1.

` + "`knockc help import.md`" + ` has the details. If KNOCKD.CONF is -, import reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		output := flags.String("o", stdio, "write to `FILE`; a new file is readable only by its owner")
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
	if isTrace(name) {
		return &usageError{"import: " + lang.Printable(name) + " is a trace by its name, and not a configuration of knockd", "did you mean `knockc sim " + lang.Printable(name) + "`?"}
	}
	src, err := s.readWhole(name, "a configuration", lang.MaxPolicy)
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
	if err := s.write(output, policy, 0o600); err != nil {
		return err
	}
	if converted, _ := lang.Errors(policy); len(converted.Knocks) == 0 {
		fmt.Fprint(s.err, "\nNo door could be converted. Complete one in the comments by hand, or begin anew:\n\n    knockc new ssh 22\n")
		return nil
	}
	s.afterImport(output)
	return nil
}

// afterImport says what to do with the policy. That is no output: most people redirect it.
func (s *streams) afterImport(output string) {
	if output == stdio {
		output = usualPolicy
		fmt.Fprintf(s.err, "\nNext, save the policy as %s, and read it. Then load it on trial, and stop knockd:\n\n", output)
	} else {
		fmt.Fprint(s.err, "\nNext, read the policy. Then load it on trial, and stop knockd:\n\n")
	}
	fmt.Fprintf(s.err, "    knockc check %s\n    knockc apply -confirm 3m %[1]s\n    systemctl disable --now knockd\n", lang.Printable(output))
}
