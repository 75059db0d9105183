package main

import (
	"bytes"
	"flag"

	"knockc/lang"
)

var fmtCommand = &command{
	name:  "fmt",
	usage: "[-w] [FILE...]",
	short: "format policies",
	long: `
Fmt prints policies in canonical form: standard input if no file is given. It
changes white space only; comments stay where they are. A file with errors is
left alone, and the errors are printed.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		inPlace := flags.Bool("w", false, "write the result to the file instead of printing it")
		return func(s *streams, args []string) error { return runFmt(s, args, *inPlace) }
	},
}

func runFmt(s *streams, args []string, inPlace bool) error {
	if len(args) == 0 {
		args = []string{stdio}
	}
	for _, name := range args {
		if inPlace && name == stdio {
			return usagef("-w needs a file, not standard input")
		}
		if isTrace(name) {
			return usagef("%s is a trace, which cannot be formatted yet", name)
		}
	}
	var atFault error
	for _, name := range args {
		src, err := s.read(name)
		if err != nil {
			return err
		}
		formatted, found := lang.Format(src)
		s.report(s.err, name, src, found)
		switch {
		case formatted == nil:
			atFault = errInput
		case !inPlace:
			s.out.Write(formatted)
		case !bytes.Equal(src, formatted):
			if err := s.write(name, formatted, 0o666); err != nil {
				return err
			}
		}
	}
	return atFault
}
