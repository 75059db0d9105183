package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"knockc/compiler"
	"knockc/lang"
	"knockc/live"
)

var applyCommand = &command{
	name:  "apply",
	usage: "[-dry-run] [-confirm DURATION] [-settle DURATION] POLICY",
	short: "load a policy into the kernel",
	long: `
Apply compiles a policy and loads it, all of it or nothing, in place of the one that
is loaded. Who has got how far, and which doors are open, stays, but for the knocks
that were edited: these begin anew. What the older policy left is removed. It touches
no table but its own.

With -confirm it asks whether to keep the policy, and goes back to what was there
before unless someone says yes in time, also if the terminal, the connection or
knockc itself dies:

    knockc apply -confirm 60s policy.knock

With -dry-run it says what would change, and loads nothing.

Where nothing has used connection tracking before, it is switched on first and given
-settle to see the connections that live, or the new rules would cut them.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var a applying
		flags.BoolVar(&a.dryRun, "dry-run", false, "say what would change, and load nothing")
		durationVar(flags, &a.confirm, "confirm", "go back after `DURATION` unless someone says yes")
		a.settle = 5 * time.Second
		durationVar(flags, &a.settle, "settle", "see connections for `DURATION`, 5s if not said, if they were not tracked before")
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one policy")
			case a.confirm > 0 && args[0] == stdio:
				return usagef("-confirm reads the answer from standard input, so the policy must be a file")
			case a.confirm > 0 && a.dryRun:
				return usagef("-dry-run loads nothing that could be confirmed")
			}
			a.policy = args[0]
			return a.run(s)
		}
	},
}

// durationVar declares a flag for a duration as the language writes it, or 0.
func durationVar(flags *flag.FlagSet, d *time.Duration, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		if text == "0" || text == "0s" {
			*d = 0
			return nil
		}
		parsed, err := lang.ParseDuration(text, time.Millisecond)
		if err != nil {
			return fmt.Errorf("it %w: write for example 60s", err)
		}
		if parsed > 24*time.Hour {
			return errors.New("it is longer than a day")
		}
		*d = parsed
		return nil
	})
}

// applying is one run of the command.
type applying struct {
	policy          string
	dryRun          bool
	confirm, settle time.Duration

	host    *live.Host
	ruleset *compiler.Ruleset
}

func (a *applying) run(s *streams) error {
	src, err := s.read(a.policy)
	if err != nil {
		return err
	}
	_, result, err := s.compile(a.policy, src, lang.Warning)
	if err != nil {
		return err
	}
	a.ruleset = result.Ruleset
	if a.host, err = live.Open(); err != nil {
		return err
	}
	defer a.host.Close()
	if a.dryRun {
		return a.preview(s)
	}
	trial, err := a.load(s)
	if err == nil && trial != nil {
		err = a.ask(s, trial)
	}
	return err
}

// load loads the ruleset under the lock. With -confirm it begins a trial first.
func (a *applying) load(s *streams) (trial *live.Trial, err error) {
	if _, err := a.host.Table(a.ruleset.Table); err != nil {
		return nil, err
	}
	unlock, err := live.Lock(a.ruleset.Table, patience)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := live.NoTrial(a.ruleset.Table); err != nil {
		return nil, err
	}
	old, err := a.host.Table(a.ruleset.Table)
	if err != nil {
		return nil, err
	}
	if a.confirm > 0 {
		if trial, err = a.beginTrial(); err != nil {
			return nil, err
		}
	}
	if err = a.track(s, old); err == nil {
		err = a.host.Load(a.ruleset)
	}
	switch {
	case err != nil && trial != nil:
		_, back := trial.TakeBack()
		return nil, errors.Join(err, back)
	case err != nil:
		return nil, err
	}
	a.tell(s, old)
	if trial == nil {
		err = a.host.RemoveLeftovers(a.ruleset)
	}
	return trial, err
}

// track sees to it that the kernel knows the connections that live.
func (a *applying) track(s *streams, old *live.Table) error {
	if live.Tracks(old) || a.settle == 0 {
		return nil
	}
	if err := a.host.StartTracking(a.ruleset); err != nil {
		return err
	}
	s.print("nothing has tracked connections here: looking at those that live for %s; press a key in sessions that are idle\n", lang.FormatDuration(a.settle))
	time.Sleep(a.settle)
	return nil
}

// tell says what the policy has changed.
func (a *applying) tell(s *streams, old *live.Table) {
	for _, line := range live.Compare(old, a.ruleset) {
		s.print("%s\n", line)
	}
	knocks := len(a.ruleset.Counters) / 2
	s.print("table inet %s: loaded %s, for IPv4 and IPv6\n", a.ruleset.Table, plural(knocks, "knock"))
}

// print prints at once, for what a user waits for.
func (s *streams) print(format string, args ...any) {
	fmt.Fprintf(s.out, format, args...)
	s.out.Flush()
}
