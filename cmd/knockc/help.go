package main

import (
	"flag"
	"fmt"
	"io"
)

var helpCommand = &command{
	name:  "help",
	usage: "[COMMAND]",
	short: "say what the tool or a command does",
	long:  "Help prints an overview of the tool, or all about one command.",
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runHelp },
}

func runHelp(s *streams, args []string) error {
	switch len(args) {
	case 0:
		overview(s.out)
		return nil
	case 1:
		c, err := findCommand(args[0])
		if err == nil {
			c.help(s.out)
		}
		return err
	}
	return usagef("one command at a time")
}

func overview(w io.Writer) {
	fmt.Fprint(w, `knockc compiles port-knocking policies to nftables rules.

    knock ssh < 10000 2345 3456 1234 -> 22 within 5s grant 10s >

says all that there is to say: who sends connection attempts to these four
ports, in this order, with less than 5 s between them, may connect to port 22
for 10 s. Everyone else finds it closed.

Usage:

    knockc COMMAND [FLAGS] [FILES]

Commands:

`)
	for _, c := range commands {
		fmt.Fprintf(w, "    %-12s%s\n", c.name, c.short)
	}
	fmt.Fprint(w, `
`+"`knockc help COMMAND`"+` says more about one.

Exit status: 0 all is well, 1 the input is at fault or an expectation failed,
2 wrong usage, 3 the tool or the system failed.
`)
}
