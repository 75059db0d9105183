package main

import (
	"flag"
	"fmt"

	"knockc/live"
	"knockc/report"
)

var removeCommand = &command{
	name:  "remove",
	usage: "[-table NAME]",
	short: "remove the rules from the kernel",
	long: `
Remove deletes the table: all rules, and all that is known of sources. What the
knocks guarded is then as open as the rest of the host's firewall leaves it.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; use -table NAME for another table")
			}
			outliveReaders()
			host := live.NewHost(clock{})
			defer host.Close()
			removed, err := host.Remove(*table)
			if err != nil {
				return inWords(err)
			}
			s.done = true
			tellRemoved(s, removed)
			return nil
		}
	},
}

func tellRemoved(s *streams, r live.Removed) {
	fmt.Fprintf(s.out, "table inet %s is gone, with %s and %s\n", r.Table, report.Plural(len(r.Knocks), "knock"), report.Plural(openDoors(r.Status), "open door"))
	switch {
	case r.NotEnded != nil:
		s.warn(fmt.Errorf("a policy was on trial, and the rules before it come back in %s: %w", leftOfTrial(r.Trial.Left()), r.NotEnded))
	case r.Trial != nil:
		fmt.Fprintln(s.out, "a policy was on trial: it will not be rolled back")
	}
}

func openDoors(s *live.Status) int {
	n := 0
	for _, k := range s.Knocks {
		n += k.Open
	}
	return n
}
