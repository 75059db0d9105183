package main

import "flag"

var statusCommand = &command{
	name:  "status",
	usage: "[-json|-prometheus] [-watch] [-table NAME] [POLICY]",
	short: "show how far each source is, and which doors are open",
	long: `
Status reads the running kernel: each knock with what it has counted since the rules
were first loaded, who is at which step, which doors are open for whom and for how
long, and how full the sets are.

With a POLICY it says whether that is the one that is loaded; if not, the exit status
is 1.

With -prometheus it prints metrics, for the textfile collector of node_exporter; a
POLICY is one of them then, and does not change the exit status:

    knockc status -prometheus > knockc.prom.new && mv knockc.prom.new knockc.prom`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var o statusOptions
		table := tableFlag(flags)
		flags.BoolVar(&o.json, "json", false, "print JSON")
		flags.BoolVar(&o.prometheus, "prometheus", false, "print metrics in the text format of Prometheus")
		flags.BoolVar(&o.watch, "watch", false, "show the status every second, until interrupted")
		return func(s *streams, args []string) error {
			switch {
			case len(args) > 1:
				return usagef("takes one policy, or none")
			case o.json && o.prometheus:
				return usagef("-json and -prometheus exclude each other")
			case o.watch && (o.json || o.prometheus):
				return usagef("-watch excludes -json and -prometheus")
			}
			o.table = *table
			if len(args) == 1 {
				o.policy = args[0]
			}
			return runStatus(s, o)
		}
	},
}

// statusOptions are what the command line asks for.
type statusOptions struct {
	table, policy           string
	json, prometheus, watch bool
}
