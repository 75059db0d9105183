package main

import (
	"flag"
	"path/filepath"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
)

var checkCommand = &command{
	name:  "check",
	usage: "FILE...",
	short: "say what is wrong with policies and traces",
	long: `
Check reads policies, and traces (files named *.trace or *.txt), and prints what
is wrong with each: file, line and column, the line itself, and what to write
instead. It prints nothing if all is well.`,
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runCheck },
}

func runCheck(s *streams, args []string) error {
	if len(args) == 0 {
		return usagef("takes at least one file")
	}
	var atFault error
	for _, name := range args {
		src, err := s.read(name)
		if err != nil {
			return err
		}
		found := findings(name, src)
		s.report(s.out, name, src, found)
		if lang.HasErrors(found) {
			atFault = errInput
		}
	}
	return atFault
}

// findings are all findings about a file.
func findings(name string, src []byte) []lang.Finding {
	if isTrace(name) {
		_, found := trace.Parse(src)
		return found
	}
	policy, found := examine(src)
	if !lang.HasErrors(found) {
		_, more := compiler.Compile(policy)
		found = append(found, more...)
	}
	return found
}

// isTrace reports whether a file's name is that of a trace.
func isTrace(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".trace" || ext == ".txt"
}
