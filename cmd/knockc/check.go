package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

var checkCommand = &command{
	name:  "check",
	usage: "[-strict] [-v] [-json] [-format text|github|sarif] FILE...",
	short: "say what is wrong with policies and traces",
	long: `
Check reads policies, and traces (files named *.trace or *.txt), and prints what
is wrong with each: file, line and column, the line itself, and what to write
instead. Beyond mistakes it finds knocks that are easily opened or hard to use.
It prints nothing if all is well. The exit status is 1 if there are errors.

Infos are worth knowing, and true of good policies too: -v shows them as well, in
every format.

A warning is silenced by a comment in or right above the declaration:

    # knockc:ignore K106 nothing else runs on this host

spec/findings.md explains every code.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		c := &checkRun{}
		flags.BoolVar(&c.strict, "strict", false, "exit with 1 on warnings too")
		flags.BoolVar(&c.verbose, "v", false, "show infos too")
		flags.BoolVar(&c.json, "json", false, "print one JSON object a line for each finding")
		flags.StringVar(&c.format, "format", "text", "print as `FORMAT`: text, github (annotations in CI) or sarif (code scanning)")
		return c.run
	},
}

type checkRun struct {
	strict, verbose, json bool
	format                string
	policies              *policies // of the traces
}

// fileFindings are the findings about a file.
type fileFindings struct {
	file  string
	src   []byte
	found []lang.Finding
}

func (c *checkRun) run(s *streams, args []string) error {
	formats := []string{"text", "github", "sarif"}
	switch {
	case len(args) == 0:
		return usagef("takes at least one file")
	case !slices.Contains(formats, c.format):
		return usagef("unknown format `%s`, formats are %s", lang.Printable(c.format), strings.Join(formats, " "))
	case c.json && c.format != "text":
		return usagef("-json and -format %s exclude each other", c.format)
	}
	c.policies, _ = newPolicies(&streams{err: io.Discard}, "")
	var all []fileFindings
	failed := s.eachFile(args, func(name string) error {
		src, err := s.read(name)
		if err != nil {
			return err
		}
		found := c.findings(name, src)
		if !c.verbose {
			found = atLeast(lang.Warning, found)
		}
		all = append(all, fileFindings{name, src, found})
		if slices.ContainsFunc(found, c.fails) {
			return errInput
		}
		return nil
	})
	if err := c.print(s, all); err != nil {
		return err
	}
	return failed
}

// fails reports whether a finding makes the exit status 1.
func (c *checkRun) fails(f lang.Finding) bool {
	return f.Severity == lang.Error || c.strict && f.Severity == lang.Warning
}

func (c *checkRun) print(s *streams, all []fileFindings) error {
	switch {
	case c.json:
		return printFindingsJSON(s.out, all)
	case c.format == "github":
		printAnnotations(s.out, all)
	case c.format == "sarif":
		return printSARIF(s.out, all)
	default:
		for _, f := range all {
			s.report(s.out, f.file, f.src, f.found)
		}
	}
	return nil
}

// findings are all findings about a file.
func (c *checkRun) findings(name string, src []byte) []lang.Finding {
	if isTrace(name) {
		return c.traceFindings(name, src)
	}
	policy, found := lang.Examine(src)
	if !lang.HasErrors(found) {
		found = append(found, compiler.Check(policy)...)
		lang.SortFindings(found)
	}
	return found
}

// traceFindings are all findings about a trace, with what its policy has to do with it.
func (c *checkRun) traceFindings(name string, src []byte) []lang.Finding {
	t, found := trace.Parse(src)
	policy, err := c.policies.of(name, t)
	switch {
	case err == nil:
		found = append(found, replay.Check(t, policy.result)...)
	case t.Policy == nil && errors.Is(err, fs.ErrNotExist):
		// It may be meant for a policy that is given with -policy.
	default:
		found = append(found, noPolicy(policyFile(name, t), t, err))
	}
	lang.SortFindings(found)
	return found
}

// noPolicy is the finding that the policy of a trace cannot be used.
func noPolicy(file string, t *trace.Trace, err error) lang.Finding {
	f := lang.Finding{Code: lang.CodeUnknown, Severity: lang.Error, Message: lang.Printable(err.Error())}
	f.Span.Start, f.Span.End = lang.Pos{Line: 1, Column: 1}, lang.Pos{Line: 1, Column: 1}
	if t.Policy != nil {
		f.Span, f.Hint = t.Policy.Span, "the name counts from the trace's folder"
	}
	if errors.Is(err, errInput) {
		file = lang.Printable(file)
		f.Message, f.Hint = fmt.Sprintf("the policy %s has errors", file), "knockc check "+file
	}
	return f
}

// isTrace reports whether a file's name is that of a trace.
func isTrace(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".trace" || ext == ".txt"
}
