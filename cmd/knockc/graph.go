package main

import (
	"flag"

	"example.org/knockc/lang"
	"example.org/knockc/timeline"
)

var graphCommand = &command{
	name:  "graph",
	usage: "[-dot] POLICY",
	short: "draw the states of each knock, for Mermaid or Graphviz",
	long: `
Graph prints each knock as a machine of states: from one step to the next, to the open
door, and back when time or a wrong attempt undoes it. The output is for Mermaid, which
GitHub and GitLab draw in Markdown, or with -dot for Graphviz.

The output contains the steps: keep it secret. If POLICY is -, graph reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		dot := flags.Bool("dot", false, "print for Graphviz")
		return func(s *streams, args []string) error {
			if len(args) != 1 {
				return usagef("takes one policy, and draws all its knocks")
			}
			src, err := s.read(args[0])
			if err != nil {
				return err
			}
			policy, _, err := s.compile(args[0], src, lang.Error)
			if err != nil {
				return err
			}
			if *dot {
				return timeline.WriteDOT(s.out, timeline.Knocks(policy))
			}
			return timeline.WriteMermaid(s.out, timeline.Knocks(policy))
		}
	},
}
