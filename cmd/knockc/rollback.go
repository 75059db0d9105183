package main

import "flag"

var rollbackCommand = &command{
	name:  "rollback",
	usage: "[-due] [-table NAME]",
	short: "roll back a policy that is on trial",
	long: `
Rollback loads the rules that were there before ` + "`knockc apply -confirm`" + `, if nobody has
confirmed the new ones. It keeps what sources have done since then.

With -due it first waits until the time to confirm is over, and does nothing if
someone has confirmed. Apply starts it that way.`,
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
