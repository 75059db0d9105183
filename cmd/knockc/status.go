package main

import "flag"

var statusCommand = &command{
	name:  "status",
	usage: "[-json|-prometheus] [-watch] [-table NAME] [POLICY]",
	short: "show how far each source is, and which doors are open",
	long: `
Status reads the rules in the running kernel. For each knock, it prints how many steps
and openings were counted since the rules were first loaded. The step that opens the
door counts only as an opening. Status then lists the open doors and the sources in the
middle of a sequence, with the time that is left, and says how full the kernel's sets of
sources are.

With a POLICY, status also says whether this policy is loaded. If it is not, the exit
status is 1.

Status does not see fragments that you have included in a table of your own.

With -prometheus it prints metrics for the textfile collector of node_exporter. One
of them says whether POLICY is loaded. The exit status is 0 even if it is not:

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
