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

// flagHints are what to do instead of flags that other tools have.
var flagHints = map[string]string{
	"check ignore": "write a comment into the policy: # knockc:ignore K106 why", "sim v": "it prints all, unless -quiet is given",
	"sim verbose": "it prints all, unless -quiet is given",
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
	if instead := flagHints[flags.Name()+" "+name]; instead != "" {
		return message + ": " + instead
	}
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

// wrapped breaks a line between words where it would be wider than a terminal.
func wrapped(line, indent string) string {
	const width = 80
	var b strings.Builder
	column := 0
	for i, word := range strings.SplitAfter(line, " ") {
		if i > 0 && column+len(strings.TrimSpace(word)) > width {
			b.WriteString("\n" + indent)
			column = len(indent)
		}
		b.WriteString(word)
		column += len(word)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// help shows all there is to say about the command.
func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n", wrapped("usage: "+c.line(), "           "), strings.TrimSpace(c.long))
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	first := true
	flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprint(w, "\nFlags:\n\n")
			first = false
		}
		value, text := flag.UnquoteUsage(f)
		row := fmt.Sprintf("  %-17s  %s", strings.TrimSpace("-"+f.Name+" "+value), text)
		fmt.Fprintln(w, wrapped(row, strings.Repeat(" ", 21)))
	})
	writeExamples(w, c.name)
}
