package main

import "flag"

var rehearseCommand = &command{
	name:  "rehearse",
	usage: "[-json] [-table NAME] [POLICY]",
	short: "try a policy beside this host's own firewall",
	long: `
Rehearse tries a policy in a copy of this host, with all other tables of nftables and
iptables-nft, and says which doors would stand open or stay shut, and why. It changes
nothing, and no packet leaves the copy.

Without a POLICY, rehearse tries the one that is loaded, as it is, also if someone has
changed its rules by hand. If several are loaded, -table names one.

For each service of each knock, over IPv4 and IPv6, it sends packets that show whether

- strangers are refused, at several addresses, by all interfaces, and from where other
  rules name sources,
- each step moves the knock,
- an attempt after the knock gets through and is answered, and
- the grant lasts as long as the policy says.

The exit status is 1 if a door stands open or stays shut, or if a clause "on"
names an interface that the host does not have. What the copy cannot tell is not judged.

Apply rehearses as well, unless it is run with -rehearse=false. Rehearse must be run as
root.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var o rehearseOptions
		table := tableFlag(flags)
		flags.BoolVar(&o.json, "json", false, "print a JSON object for each check")
		return func(s *streams, args []string) error {
			switch {
			case len(args) > 1:
				return usagef("takes one policy, or none")
			case len(args) == 1 && *table != "":
				return usagef("-table names a loaded policy, so it excludes a POLICY")
			case len(args) == 1:
				o.policy = args[0]
			}
			o.table = *table
			return runRehearse(s, o)
		}
	},
}

// rehearseOptions are what the command line asks for.
type rehearseOptions struct {
	policy, table string
	json          bool
}
