package main

import "flag"

var statusCommand = &command{
	name:  "status",
	usage: "[-v|-json|-prometheus] [-watch] [-table NAME] [POLICY]",
	short: "show how far each source is, and which doors are open",
	long: `
Status reads the rules in the running kernel. It lists the open doors and the sources in
the middle of a sequence, with the time that is left. For each knock, it then prints for
how many sources the door is open, how many others are under way, and what was counted
since the rules were first loaded:

    STEPS    steps, except those that opened the door
    OPENED   steps that opened the door
    LET IN   attempts at its services that it let in
    REFUSED  attempts at its services that nothing let in
    BARRED   attempts at its steps that "from" or "on" does not admit

Status also says whether the policy is on trial, and which of the kernel's sets of sources
are over half full; -v prints all sets.

With a POLICY, status also says whether this policy is loaded. If it is not, or someone
has changed it by hand, the exit status is 1.

Status finds the rules by their comments, whatever the name of their table, and also if
they are a fragment in a table of your own. If several policies are loaded, it shows all
of them, or the one that -table names.

With -prometheus it prints metrics for the textfile collector of node_exporter. One
of them says whether POLICY is loaded. The exit status is 0 even if it is not, and even if
POLICY has errors or cannot be read:

    knockc status -prometheus > knockc.prom.new && mv knockc.prom.new knockc.prom`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var o statusOptions
		table := tableFlag(flags)
		flags.BoolVar(&o.json, "json", false, "print JSON")
		flags.BoolVar(&o.prometheus, "prometheus", false, "print metrics in the text format of Prometheus")
		flags.BoolVar(&o.all, "v", false, "list all sets of sources, however full they are")
		flags.BoolVar(&o.watch, "watch", false, "show the status every second, until interrupted")
		return func(s *streams, args []string) error {
			switch {
			case len(args) > 1:
				return usagef("takes one policy, or none")
			case o.json && o.prometheus:
				return usagef("-json and -prometheus exclude each other")
			case o.all && (o.json || o.prometheus):
				return usagef("-v is for people: -json and -prometheus print all sets anyway")
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
	all                     bool // sets, however full they are
}
