package main

import "flag"

var keepCommand = &command{
	name:  "keep",
	usage: "[-table NAME]",
	short: "keep a policy that is on trial",
	long: `
Keep ends the trial of a policy that ` + "`knockc apply -confirm`" + ` has loaded: the policy
stays. Run it in a new connection to the host, which shows that you still get in. The
apply that waits for an answer then says that the policy was kept.

Keep does not load the policy again. If its table is gone or dormant, or another policy
is in it, keep keeps nothing, and the trial goes on. Rules that someone has changed by
hand are kept as they are: ` + "`knockc status POLICY`" + ` tells of them.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; use -table NAME for another table")
			}
			return runKeep(s, *table)
		}
	},
}
