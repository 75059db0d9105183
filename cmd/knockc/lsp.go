package main

import (
	"bufio"
	"context"
	"flag"

	"example.org/knockc/lsp"
)

var lspCommand = &command{
	name:  "lsp",
	usage: "",
	short: "serve an editor: findings, formatting, verdicts as you type",
	long: `
Lsp is a language server for policies and traces. An editor starts it, and speaks the
Language Server Protocol with it on standard input and output. It shows findings while you
type, formats, completes words and names, explains words and findings, mends what a hint
says, finds and renames knocks in a policy and its traces, and shows beside each packet of
a trace its verdict, and the reason if an expectation fails.

` + "`knockc help editors.md`" + ` says how to set up editors.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		flags.Bool("stdio", true, "speak on standard input and output; editors may say so")
		return func(s *streams, args []string) error {
			if len(args) > 0 {
				return usagef("takes no argument: an editor starts it")
			}
			return lsp.Serve(context.Background(), s.in, flushed{s.out}, s.err, version)
		}
	},
}

// flushed writes at once.
type flushed struct{ *bufio.Writer }

func (w flushed) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err == nil {
		err = w.Flush()
	}
	return n, err
}
