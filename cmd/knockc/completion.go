package main

import (
	"flag"
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
	usage: "bash|zsh|fish",
	short: "print a completion script for a shell",
	long: `
Completion prints a script for a shell. With it, the shell completes the names of
commands, flags and files. The Debian package of knockc installs these scripts.
Without the package, add a line to a file in your home folder:

    bash:  source <(knockc completion bash)        in ~/.bashrc
    zsh:   source <(knockc completion zsh)         in ~/.zshrc, after compinit
    fish:  knockc completion fish | source         in ~/.config/fish/config.fish`,
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runCompletion },
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

// values are what an argument or the value of a flag can be: some words, or files,
// or neither, which is anything.
type values struct {
	words []string
	files bool
}

// completed reads off the command's flags and its usage what can be completed.
func (c *command) completed() completed {
	done := completed{name: c.name, short: c.short}
	choices, rest := c.readUsage()
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
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

// readUsage takes the usage apart: the words that a flag's value can be, as in
// `-format text|github`, and what arguments there are.
func (c *command) readUsage() (choices map[string][]string, arguments []string) {
	choices = map[string][]string{}
	flagName := ""
	for _, word := range strings.Fields(c.usage) {
		inBrackets := strings.HasPrefix(word, "[")
		name, isFlag := strings.CutPrefix(strings.Trim(word, "[]"), "-")
		words := strings.Split(strings.TrimSuffix(name, "..."), "|")
		switch {
		case isFlag && strings.HasSuffix(word, "]"):
			flagName = ""
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
