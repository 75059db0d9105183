package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"example.org/knockc/lang"
)

// command is a command of the tool.
type command struct {
	name  string
	usage string // what follows the name
	short string // one line
	long  string
	// choices are what the value of a flag can be, if the usage does not say it.
	choices map[string][]string
	// setup declares the flags and returns what runs the command on the
	// arguments that are left.
	setup func(*flag.FlagSet) func(s *streams, args []string) error
}

func (c *command) parseAndRun(s *streams, args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	runCommand := c.setup(flags)
	rest, err := parseFlags(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.help(s.out)
		return nil
	case err != nil:
		err = usagef("%s", flagProblem(err, flags))
	case c != helpCommand && len(rest) == 1 && rest[0] == "help" && !exists("help"):
		return meant(c.name+": takes no command", "help", c.name)
	default:
		err = runCommand(s, rest)
	}
	var usage *usageError
	if errors.As(err, &usage) && usage.hint == "" {
		return &usageError{c.name + ": " + usage.message, "usage: " + c.line()}
	}
	return err
}

// parseFlags takes the flags out of the arguments, wherever they stand before
// a `--`.
func parseFlags(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		taken := len(args) - len(left)
		if len(left) == 0 || taken > 0 && args[taken-1] == "--" {
			return append(rest, left...), nil
		}
		rest = append(rest, left[0])
		args = left[1:]
	}
}

// otherFlags are what other tools call flags.
var otherFlags = map[string][]string{
	"check": {"l"}, "list": {"l"}, "diff": {"d"}, "write": {"w"}, "i": {"w"},
	"output": {"o"}, "out": {"o"}, "f": {"policy"}, "file": {"policy"}, "config": {"policy"}, "c": {"policy"},
	"q": {"quiet"}, "silent": {"quiet"}, "verbose": {"v"}, "Werror": {"strict"}, "werror": {"strict"},
	"n": {"dry-run", "steps"}, "dryrun": {"dry-run"}, "t": {"table"}, "w": {"watch"}, "wait": {"confirm"}, "timeout": {"confirm", "within"},
	"4": {"family 4"}, "6": {"family 6"}, "u": {"steps udp/PORT"}, "d": {"delay"}, "p": {"policy"}, "ports": {"steps"},
	"coverage": {"cover"}, "xml": {"junit"}, "format": {"json"},
}

// flagProblem words the flag package's error as the tool would.
func flagProblem(err error, flags *flag.FlagSet) string {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err.Error()
	}
	message := fmt.Sprintf("unknown flag `-%s`", lang.Printable(name))
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	for _, meant := range append(otherFlags[name], lang.Nearest(name, names)) {
		if word, _, _ := strings.Cut(meant, " "); word != "" && flags.Lookup(word) != nil {
			return message + fmt.Sprintf(", did you mean `-%s`?", meant)
		}
	}
	return message
}

func (c *command) line() string {
	return strings.TrimSpace("knockc " + c.name + " " + c.usage)
}

// help shows all there is to say about the command.
func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s\n\n%s\n", c.line(), strings.TrimSpace(c.long))
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	first := true
	flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprint(w, "\nFlags:\n\n")
			first = false
		}
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  %-17s  %s\n", strings.TrimSpace("-"+f.Name+" "+value), text)
	})
	writeExamples(w, c.name)
}
