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
			switch {
			case len(args) == 0:
				return usagef("takes at least one trace")
			case *asJSON && *quiet:
				return usagef("-json and -quiet exclude each other")
			}
			return simulate(s, args, *policy, *asJSON, *quiet)
		}
	},
}

func simulate(s *streams, names []string, policyName string, asJSON, quiet bool) error {
	policy := s.ownPolicy
	if policyName != "" {
		result, err := s.compileFile(policyName)
		if err != nil {
			return err
		}
		policy = func(string, *trace.Trace) (*compiler.Result, error) { return result, nil }
	}
	first := true
	return s.eachFile(names, func(name string) error {
		var p printer = &tablePrinter{out: s.out, file: lang.Printable(name), quiet: quiet, titled: len(names) > 1, first: first}
		if asJSON {
			p = &jsonPrinter{out: s.out, file: name, several: len(names) > 1}
		}
		first = false
		return replayTrace(s, name, policy, p)
	})
}

// printer shows the outcomes of one trace.
type printer interface {
	begin(t *trace.Trace)
	outcome(replay.Outcome)
	end()
}

// replayTrace replays one trace against the policy found for it; errInput if an
// expectation fails.
func replayTrace(s *streams, name string, policy policyFinder, p printer) error {
	src, err := s.read(name)
	if err != nil {
		return err
	}
	t, found := trace.Parse(src)
	s.report(s.err, name, src, found)
	if lang.HasErrors(found) {
		return errInput
	}
	result, err := policy(name, t)
	if err != nil {
		return err
	}
	found = replay.Check(t, result)
	s.report(s.err, name, src, found)
	if lang.HasErrors(found) {
		return errInput
	}
	player, err := replay.New(result)
	if err != nil {
		return err
	}
	held := true
	p.begin(t)
	for i := range t.Events {
		player.Event(&t.Events[i], func(o replay.Outcome) {
			held = held && o.OK()
			p.outcome(o)
		})
	}
	p.end()
	if !held {
		return errInput
	}
	return nil
}

// policyFinder finds the compiled policy that a trace of the given name is to
// run against.
type policyFinder func(traceName string, t *trace.Trace) (*compiler.Result, error)

// ownPolicy compiles the policy that a trace names, or the one beside it.
func (s *streams) ownPolicy(traceName string, t *trace.Trace) (*compiler.Result, error) {
	file := "policy.knock"
	if t.Policy != nil {
		file = t.Policy.File
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(traceName), file)
	}
	src, err := readFile(file)
	if err != nil {
		return nil, err
	}
	_, result, err := s.compile(file, src, lang.Error)
	return result, err
}

// compileFile compiles a policy file or standard input.
func (s *streams) compileFile(name string) (*compiler.Result, error) {
	src, err := s.read(name)
	if err != nil {
		return nil, err
	}
	_, result, err := s.compile(name, src, lang.Error)
	return result, err
}
