package main

import "flag"

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
			return runRemove(s, *table)
		}
	},
}
