package main

import "flag"

var removeCommand = &command{
	name:  "remove",
	usage: "[-table NAME]",
	short: "remove the rules from the kernel",
	long: `
Remove deletes the table with all rules, grants and progress. After that, everyone can
connect to the services that were guarded, unless the host's own firewall blocks them.
If a unit loads the policy at boot, disable it too: systemctl disable --now knockc.

Of a fragment in a table of your own, remove says what to take out, and changes nothing.`,
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
