package main

import (
	"bytes"
	"flag"
	"fmt"

	"github.com/rogpeppe/go-internal/diff"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

var fmtCommand = &command{
	name:  "fmt",
	usage: "[-l] [-w] [-d] [-stdin-name NAME] [FILE|FOLDER...]",
	short: "format policies and traces",
	long: `
Fmt prints policies and traces (files named *.trace or *.txt) in canonical form.
Without a file it reads standard input. In a folder it reads all *.knock and *.trace
files. It changes only white space; comments stay where they are. If a file has
errors, fmt does not change it and prints the errors.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		f := &formatter{}
		flags.BoolVar(&f.list, "l", false, "list the files that are not in canonical form; exit with 1 if there are any")
		flags.BoolVar(&f.write, "w", false, "write the result to the file instead of printing it")
		flags.BoolVar(&f.diff, "d", false, "print a diff of the changes; exit with 1 if there are any")
		flags.StringVar(&f.stdinName, "stdin-name", "", "treat standard input as a file called `NAME`: its ending says whether it is a policy or a trace")
		return f.run
	},
}

// formatter is a run of the command.
type formatter struct {
	list, write, diff bool
	stdinName         string
}

func (f *formatter) run(s *streams, args []string) error {
	if len(args) == 0 {
		args = []string{stdio}
	}
	for _, name := range args {
		if f.write && name == stdio {
			return usagef("-w needs a file, not standard input")
		}
	}
	return eachFileIn(args, []string{".knock", ".trace"}, func(file string) error { return f.file(s, file) })
}

func (f *formatter) file(s *streams, name string) error {
	shown := name
	if name == stdio && f.stdinName != "" {
		shown = f.stdinName
	}
	src, err := s.readEither(name, shown)
	if err != nil {
		return err
	}
	format := lang.Format
	if isTrace(shown) {
		format = trace.Format
	}
	formatted, found := format(src)
	if formatted == nil && lang.HasErrors(found) {
		return lang.NewFileFindings(shown, bytes.NewReader(src), found)
	}
	return f.show(s, name, shown, src, formatted)
}

// show does with a formatted file what the flags say.
func (f *formatter) show(s *streams, name, shown string, src, formatted []byte) error {
	if !f.list && !f.diff && !f.write {
		s.out.Write(formatted)
		return nil
	}
	if bytes.Equal(src, formatted) {
		return nil
	}
	if f.list {
		fmt.Fprintln(s.out, shown)
	}
	if f.diff {
		s.out.Write(diff.Diff(shown+".orig", src, shown, formatted))
	}
	if f.write {
		if err := s.write(name, formatted, 0o666); err != nil {
			return err
		}
	}
	if f.list || f.diff {
		return errInput
	}
	return nil
}
