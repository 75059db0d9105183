package main

import (
	"flag"
	"path/filepath"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

var simCommand = &command{
	name:  "sim",
	usage: "[-policy FILE] [-json] [-quiet] TRACE...",
	short: "replay packet traces through the compiled rules",
	long: `
Sim compiles a trace's policy and replays the trace's packets through the rules
in virtual time. For each packet it prints the time, the source and destination,
the verdict, and what the packet moved. Expectations of the trace that fail are
shown with file and line, and make the exit status 1.

The policy is the one given with -policy, else the one that the trace names in a
line "policy FILE", else policy.knock beside the trace. A TRACE of - is standard
input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		policy := flags.String("policy", "", "replay against the policy in `FILE`")
		asJSON := flags.Bool("json", false, "print one JSON object a line for each packet and expectation")
		quiet := flags.Bool("quiet", false, "print failed expectations and the summary only")
		return func(s *streams, args []string) error {
			if len(args) == 0 {
				return usagef("takes at least one trace")
			}
			return simulate(s, args, *policy, *asJSON, *quiet)
		}
	},
}

func simulate(s *streams, names []string, policy string, asJSON, quiet bool) error {
	var atFault error
	for i, name := range names {
		var p printer = &tablePrinter{out: s.out, file: name, quiet: quiet, titled: len(names) > 1, first: i == 0}
		if asJSON {
			p = &jsonPrinter{out: s.out, file: name, several: len(names) > 1}
		}
		held, err := replayTrace(s, name, policy, p)
		if err != nil && err != errInput {
			return err
		}
		if err != nil || !held {
			atFault = errInput
		}
	}
	return atFault
}

// printer shows the outcomes of one trace.
type printer interface {
	begin(t *trace.Trace)
	outcome(replay.Outcome)
	end()
}

// replayTrace replays one trace and reports whether its expectations held.
func replayTrace(s *streams, name, policyName string, p printer) (held bool, err error) {
	src, err := s.read(name)
	if err != nil {
		return false, err
	}
	t, found := trace.Parse(src)
	s.report(s.err, name, src, found)
	if lang.HasErrors(found) {
		return false, errInput
	}
	result, err := s.tracePolicy(name, policyName, t)
	if err != nil {
		return false, err
	}
	found = replay.Check(t, result)
	s.report(s.err, name, src, found)
	if lang.HasErrors(found) {
		return false, errInput
	}
	player, err := replay.New(result)
	if err != nil {
		return false, err
	}
	held = true
	p.begin(t)
	for i := range t.Events {
		o := player.Event(&t.Events[i])
		held = held && o.OK()
		p.outcome(o)
	}
	p.end()
	return held, nil
}

// tracePolicy compiles the policy that a trace is to run against.
func (s *streams) tracePolicy(traceName, policyName string, t *trace.Trace) (*compiler.Result, error) {
	if policyName == "" {
		file := "policy.knock"
		if t.Policy != nil {
			file = t.Policy.File
		}
		policyName = file
		if !filepath.IsAbs(file) {
			policyName = filepath.Join(filepath.Dir(traceName), file)
		}
	}
	src, err := s.read(policyName)
	if err != nil {
		return nil, err
	}
	_, result, err := s.compile(policyName, src, lang.Error)
	return result, err
}
