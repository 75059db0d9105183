package main

import (
	"flag"
	"fmt"
	"io"
)

var helpCommand = &command{
	name:  "help",
	usage: "[COMMAND|CODE|PAGE]",
	short: "describe the tool, a command, or a finding",
	long: `
Help prints an overview of the tool, describes a command, explains what check has found,
or prints a page of the documentation. These are all pages:

` + inLines(pages()),
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runHelp },
}

func runHelp(s *streams, args []string) error {
	switch len(args) {
	case 0:
		overview(s.out)
		return nil
	case 1:
		if text, found := page(args[0]); found {
			s.out.WriteString(text)
			return nil
		}
		c, err := findCommand(args[0])
		if err != nil {
			return noPage(args[0])
		}
		c.help(s.out)
		return nil
	}
	return usagef("takes one command, or none")
}

func overview(w io.Writer) {
	fmt.Fprint(w, `knockc compiles port-knocking policies to nftables rules.

    knock ssh < 10000 2345 3456 1234 -> 22 within 5s grant 10s >

This is a complete policy. A client that sends connection attempts to these four
ports, in this order, with less than 5 s between them, may connect to port 22 for
10 s. To everyone else, port 22 is closed.

Usage:

    knockc COMMAND [FLAGS] [FILES]

Commands:

`)
	for _, c := range commands {
		fmt.Fprintf(w, "    %-12s%s\n", c.name, c.short)
	}
	fmt.Fprint(w, `
`+"`knockc help COMMAND`"+` describes a command, and `+"`knockc help K103`"+` what check has found.

Exit status: 0 success, 1 an error in the input or a failed expectation, 2 wrong
usage, 3 an error of the tool or the system.
`)
}
