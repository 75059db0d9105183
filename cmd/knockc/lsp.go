package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"sync"

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
			out := &flushed{w: s.out}
			err := lsp.Serve(context.Background(), s.in, out, s.err, version)
			s.stuck = !out.end()
			return err
		}
	},
}

// flushed writes at once, until it ends.
type flushed struct {
	mu    sync.Mutex
	w     *bufio.Writer
	ended bool
}

func (f *flushed) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return 0, io.ErrClosedPipe
	}
	n, err := f.w.Write(b)
	if err == nil {
		err = f.w.Flush()
	}
	return n, err
}

// end ends writing; false if somebody is stuck in it.
func (f *flushed) end() bool {
	if !f.mu.TryLock() {
		return false
	}
	defer f.mu.Unlock()
	f.ended = true
	return true
}
