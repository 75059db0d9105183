package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// commandPage asks the command for its help and makes a page of it.
func commandPage(knockc string) (page, error) {
	overview, err := help(knockc)
	if err != nil {
		return page{}, err
	}
	intro, rest, _ := strings.Cut(overview, "\nUsage:\n")
	commands, ending, found := strings.Cut(rest, "\nExit status: ")
	if !found {
		return page{}, fmt.Errorf("`knockc help` says nothing of its usage or its exit status")
	}
	var body, examples strings.Builder
	fmt.Fprintf(&body, "# SYNOPSIS\n\n**knockc** *COMMAND* [*FLAGS*] [*FILES*]\n\n")
	fmt.Fprintf(&body, "# DESCRIPTION\n\n%s\n# COMMANDS\n\n", markdown(intro))
	for _, row := range commandRow.FindAllStringSubmatch(commands, -1) {
		text, err := help(knockc, row[1])
		if err != nil {
			return page{}, err
		}
		text, lines, _ := strings.Cut(text, "\nExamples:\n\n")
		fmt.Fprintf(&body, "### %s\n\n%s\n", row[1], commandSection(text))
		examples.WriteString(exampleSection(lines))
	}
	fmt.Fprintf(&body, "# EXIT STATUS\n\n%s\n%s%s# EXAMPLES\n\n%s", markdown(ending), environment, files, examples.String())
	first, _, _ := strings.Cut(intro, "\n")
	title := strings.TrimSuffix(strings.TrimPrefix(first, "knockc "), ".")
	return page{name: "knockc", section: 1, title: title, body: body.String()}, nil
}

// commandRow is a command in the overview, flagRow a flag in the help of a command.
var (
	commandRow = regexp.MustCompile(`(?m)^    ([a-z]+)  +\S.*$`)
	flagRow    = regexp.MustCompile(`^  (-.*?)  +(\S.*)$`)
)

func help(knockc string, args ...string) (string, error) {
	out, err := exec.Command(knockc, append([]string{"help"}, args...)...).Output()
	if err != nil {
		return "", fmt.Errorf("%s help %s: %w", knockc, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// continued is where the text of a flag goes on in the next line.
var continued = regexp.MustCompile(`\n {10,}`)

// commandSection is the help of one command: its usage, its text and its flags.
func commandSection(text string) string {
	text, flags, _ := strings.Cut(text, "\nFlags:\n\n")
	usage, text, _ := strings.Cut(text, "\n\n")
	usage = strings.Join(strings.Fields(usage), " ")
	flags = continued.ReplaceAllString(flags, " ")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", bold(strings.TrimPrefix(usage, "usage: ")), markdown(text))
	for line := range strings.Lines(flags) {
		if row := flagRow.FindStringSubmatch(strings.TrimSuffix(line, "\n")); row != nil {
			fmt.Fprintf(&b, "%s\n: %s\n\n", bold(row[1]), markdown(row[2]))
		}
	}
	return b.String()
}

// exampleSection is the examples of one command: what each does, and then its line.
func exampleSection(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if does, isText := strings.CutPrefix(line, "    # "); isText {
			line = markdown(strings.TrimSuffix(strings.TrimSpace(does), ".")+":") + "\n\n"
		}
		b.WriteString(line)
	}
	return b.String() + "\n"
}

func bold(text string) string { return "**" + escape(text) + "**" }

// markdown makes Markdown of plain text in which code is indented, or stands between
// backquotes: what else has a meaning in Markdown loses it.
func markdown(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") {
			b.WriteString(line)
			continue
		}
		for i, part := range strings.Split(line, "`") {
			if i%2 == 0 {
				b.WriteString(escape(part))
			} else {
				b.WriteString("`" + part + "`")
			}
		}
	}
	return b.String()
}

var special = regexp.MustCompile(`[*_<>\[\]\\]`)

func escape(text string) string { return special.ReplaceAllString(text, `\$0`) }
