package main

import "flag"

var refillCommand = &command{
	name:  "refill",
	usage: "[-table NAME] [POLICY]",
	short: "load more one-time codes",
	long: `
Refill loads the one-time codes of a policy that is loaded, each knock's as far ahead as
its "ahead" says. It adds codes only at the far end, so that a code that was used stays
used. If it cannot be sure which were, because the host has booted, the clock was set or
the table was lost, it removes the codes that there are, and loads those of later periods.

Apply loads codes too. Without refill they run out, and nobody can open the door. The
Debian package has a timer that runs it every hour:

    systemctl enable --now knockc-refill.timer

Without POLICY, refill uses the keys with which apply has loaded the policy. A policy that
a script has loaded must be named.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) > 1 {
				return usagef("takes one policy, or none")
			}
			policy := ""
			if len(args) == 1 {
				policy = args[0]
			}
			return runRefill(s, *table, policy)
		}
	},
}
