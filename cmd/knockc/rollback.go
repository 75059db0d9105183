package main

import "flag"

var rollbackCommand = &command{
	name:  "rollback",
	usage: "[-due] [-table NAME]",
	short: "roll back a policy that is on trial",
	long: `
Rollback ends the trial of a policy that ` + "`knockc apply -confirm`" + ` has loaded and that
nobody has confirmed yet. It loads the rules that were there before. Doors that were
opened during the trial stay open, if the older rules know them.

With -due, rollback first waits until the time to confirm is over, and does nothing if
somebody has confirmed by then. Apply starts it in this way.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		due := flags.Bool("due", false, "wait until the time to confirm is over")
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; -table NAME names another table")
			}
			return runRollback(s, *table, *due)
		}
	},
}
