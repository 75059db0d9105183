package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

var checkCommand = &command{
	name:  "check",
	usage: "[-strict] [-v] [-json] [-format text|github|sarif] FILE|FOLDER...",
	short: "find mistakes in policies and traces",
	long: `
Check reads policies and traces (files named *.trace or *.txt; in a folder all *.knock
and *.trace files) and prints findings:
errors, and warnings about knocks that are easy to open or hard to use. Each finding
has its file, line and column, the line itself, and usually a hint what to write
instead. If there are no findings, check prints nothing. The exit status is 1 if
there are errors.

-v also prints infos, in every format. They are useful to know, but good policies
have them too: for example, which port scans would open a door.

To silence a warning, put a comment with its code into the knock or setting, or directly
above it:

    # knockc:ignore K106 nothing else runs on this host

` + "`knockc help K106`" + ` explains a code.`,
	choices: map[string][]string{"color": colorChoices},
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		c := &checkRun{}
		flags.BoolVar(&c.strict, "strict", false, "exit with 1 if there are warnings too")
		flags.BoolVar(&c.verbose, "v", false, "print infos too")
		flags.BoolVar(&c.json, "json", false, "print a JSON object, on a line of its own, for each finding")
		flags.StringVar(&c.format, "format", "text", "print as `FORMAT`: text, github (annotations in CI) or sarif (code scanning)")
		color := colorFlag(flags)
		return func(s *streams, args []string) error {
			color(s)
			return c.run(s, args)
		}
	},
}

type checkRun struct {
	strict, verbose, json bool
	format                string
	policies              session.Policies // of the traces
}

// findingsForms are the forms of -format.
var findingsForms = []struct {
	name  string
	write func(s *streams) report.FindingsWriter
}{
	{"text", func(s *streams) report.FindingsWriter { return report.FindingsText(s.outColor) }},
	{"github", func(*streams) report.FindingsWriter { return report.FindingsGitHub }},
	{"sarif", func(*streams) report.FindingsWriter { return report.FindingsSARIF(version) }},
}

func (c *checkRun) run(s *streams, args []string) error {
	if len(args) == 0 {
		return usagef("takes at least one file")
	}
	write, err := c.writer(s)
	if err != nil {
		return err
	}
	var all []*lang.FileFindings
	failed := eachFileIn(args, []string{".knock", ".trace"}, func(name string) error {
		src, err := s.readEither(name, name)
		if err != nil {
			return err
		}
		found := c.findings(name, src)
		if !c.verbose {
			found = lang.AtLeast(lang.Warning, found)
		}
		all = append(all, lang.NewFileFindings(name, bytes.NewReader(src), found))
		if slices.ContainsFunc(found, c.fails) {
			return errInput
		}
		return nil
	})
	if err := write(s.out, all); err != nil {
		return err
	}
	if len(all) == 0 && failed == nil {
		return noFiles(args, ".knock", ".trace")
	}
	return failed
}

// writer is what writes the findings in the form that is asked for.
func (c *checkRun) writer(s *streams) (report.FindingsWriter, error) {
	if c.json {
		if c.format != "text" {
			return nil, usagef("-json and -format %s exclude each other", c.format)
		}
		return report.FindingsJSON, nil
	}
	var names []string
	for _, f := range findingsForms {
		if f.name == c.format {
			return f.write(s), nil
		}
		names = append(names, f.name)
	}
	return nil, usagef("unknown format `%s`, formats are %s", lang.Printable(c.format), strings.Join(names, " "))
}

// fails reports whether a finding makes the exit status 1.
func (c *checkRun) fails(f lang.Finding) bool {
	return f.Severity == lang.Error || c.strict && f.Severity == lang.Warning
}

// findings are all findings about a file.
func (c *checkRun) findings(name string, src []byte) []lang.Finding {
	if isTrace(name) {
		return c.traceFindings(name, src)
	}
	_, found := examine(src)
	return found
}

// examine reads a policy and finds all that there is about it.
func examine(src []byte) (*lang.Policy, []lang.Finding) {
	policy, found := lang.Examine(src)
	if !lang.HasErrors(found) {
		found = append(found, compiler.Check(policy)...)
		lang.SortFindings(found)
	}
	return policy, found
}

// traceFindings are all findings about a trace, with what its policy has to do with it.
func (c *checkRun) traceFindings(name string, src []byte) []lang.Finding {
	t, found := trace.Parse(src)
	policy, err := c.policies.Of(name, t.Policy)
	switch {
	case err == nil:
		found = append(found, replay.Check(t, policy.Result)...)
	case t.Policy == nil && errors.Is(err, fs.ErrNotExist):
		// It may be meant for a policy that is given with -policy.
	default:
		found = append(found, noPolicy(session.PolicyFile(name, t.Policy), t, err))
	}
	lang.SortFindings(found)
	return found
}

// noPolicy is the finding that the policy of a trace cannot be used.
func noPolicy(file string, t *trace.Trace, err error) lang.Finding {
	f := lang.Finding{Code: lang.CodeUnknown, Severity: lang.Error, Message: lang.Printable(err.Error())}
	f.Span.Start, f.Span.End = lang.Pos{Line: 1, Column: 1}, lang.Pos{Line: 1, Column: 1}
	if t.Policy != nil {
		f.Span, f.Hint = t.Policy.Span, "the name is relative to the folder of the trace"
	}
	var faulty *lang.FileFindings
	if errors.As(err, &faulty) {
		file = lang.Printable(file)
		f.Message, f.Hint = fmt.Sprintf("the policy %s has errors", file), "knockc check "+file
	}
	return f
}

// maxTrace limits the traces that are held in memory, in bytes.
const maxTrace = 64 << 20

// readEither reads a policy or a trace, as the name shown tells.
func (s *streams) readEither(name, shown string) ([]byte, error) {
	if isTrace(shown) {
		return s.readWhole(name, "a trace", maxTrace)
	}
	return s.read(name)
}

// isTrace reports whether a file's name is that of a trace.
func isTrace(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".trace" || ext == ".txt"
}
