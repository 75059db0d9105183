package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// shells are the shells that the tool has completions for, by name.
var shells = map[string]func([]completed) string{
	"bash": bashCompletion,
	"zsh":  zshCompletion,
	"fish": fishCompletion,
}

var completionCommand = &command{
	name:  "completion",
	usage: "bash|zsh|fish | -knocks POLICY...",
	short: "print a completion script for a shell",
	long: `
Completion prints a script for a shell. With it, the shell completes the names of
commands, flags, knocks and files. Names of knocks come from the policy that -policy
names, or else from policy.knock and /etc/knockc/policy.knock. The Debian package of knockc installs these scripts.
Without the package, add a line to a file in your home folder:

    bash:  source <(knockc completion bash)        in ~/.bashrc
    zsh:   source <(knockc completion zsh)         in ~/.zshrc, after compinit
    fish:  knockc completion fish | source         in ~/.config/fish/config.fish`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		knocks := flags.Bool("knocks", false, "print the names of the knocks of policies instead; the scripts use it")
		return func(s *streams, args []string) error {
			if *knocks {
				return printNames(s, args)
			}
			return runCompletion(s, args)
		}
	},
}

// hostPolicy is the policy that the unit loads.
const hostPolicy = "/etc/knockc/policy.knock"

// printNames prints the names of the knocks of policies, for completion scripts. A policy
// that cannot be read has none.
func printNames(s *streams, policies []string) error {
	for _, name := range policies {
		src, err := s.readWhole(name, "a policy", lang.MaxPolicy)
		if err != nil {
			continue
		}
		policy, _ := lang.Errors(src)
		for _, k := range policy.Knocks {
			fmt.Fprintln(s.out, k.Name.Text)
		}
	}
	return nil
}

func runCompletion(s *streams, args []string) error {
	if len(args) != 1 {
		return usagef("takes one shell")
	}
	script, ok := shells[args[0]]
	if !ok {
		return usagef("unknown shell `%s`: shells are bash, zsh and fish", lang.Printable(args[0]))
	}
	var all []completed
	for _, c := range commands {
		all = append(all, c.completed())
	}
	s.out.WriteString(script(all))
	return nil
}

// completed is what a shell needs to know of a command.
type completed struct {
	name, short string
	flags       []completedFlag
	arguments   values
}

// completedFlag is a flag; the name of its value is empty if it takes none.
type completedFlag struct {
	name, value, text string
	values            values
}

// values are what an argument or the value of a flag can be: some words, names of knocks,
// or files, or nothing of these, which is anything.
type values struct {
	words  []string
	knocks bool
	files  bool
}

// completed reads off the command's flags and its usage what can be completed.
func (c *command) completed() completed {
	done := completed{name: c.name, short: c.short}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	choices, rest := c.readUsage(flags)
	maps.Copy(choices, c.choices)
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		v := values{words: choices[f.Name], files: value == "FILE"}
		done.flags = append(done.flags, completedFlag{f.Name, value, text, v})
	})
	for _, word := range rest {
		switch {
		case word == "COMMAND":
			for _, other := range commands {
				done.arguments.words = append(done.arguments.words, other.name)
			}
		case word == "PAGE":
			done.arguments.words = append(done.arguments.words, pages()...)
		case word == "KNOCK":
			done.arguments.knocks = true
		case slices.Contains(fileWords, word):
			done.arguments.files = true
		case word != "" && word == strings.ToLower(word):
			done.arguments.words = append(done.arguments.words, word)
		}
	}
	return done
}

// fileWords are the words of usages that stand for a file.
var fileWords = []string{"FILE", "FOLDER", "POLICY", "TRACE", "KNOCKD.CONF"}

func isBool(f *flag.Flag) bool {
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// readUsage takes the usage apart: the words that a flag's value can be, as in
// `-format text|github`, and what arguments there are.
func (c *command) readUsage(flags *flag.FlagSet) (choices map[string][]string, arguments []string) {
	choices = map[string][]string{}
	flagName := ""
	for _, word := range strings.Fields(c.usage) {
		inBrackets := strings.HasPrefix(word, "[")
		name, isFlag := strings.CutPrefix(strings.Trim(word, "[]"), "-")
		words := strings.Split(strings.TrimSuffix(name, "..."), "|")
		switch {
		case isFlag && strings.HasSuffix(word, "]"):
			flagName = ""
		case isFlag && isBool(flags.Lookup(name)):
		case isFlag:
			flagName = name
		case flagName != "":
			if name == strings.ToLower(name) {
				choices[flagName] = words
			}
			flagName = ""
		case inBrackets && name == "FLAGS":
		default:
			arguments = append(arguments, words...)
		}
	}
	return choices, arguments
}
