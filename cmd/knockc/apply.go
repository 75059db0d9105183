package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"knockc/compiler"
	"knockc/lang"
	"knockc/live"
	"knockc/report"
)

var applyCommand = &command{
	name:  "apply",
	usage: "[-dry-run] [-confirm DURATION] [-settle DURATION] [-anyway] POLICY",
	short: "load a policy into the kernel",
	long: `
Apply compiles a policy and loads it into the kernel in one transaction. It replaces
the policy that is loaded. Open doors stay open, and clients in the middle of a
sequence can go on, except for knocks that were edited: these begin again. Apply then
removes what the older policy left. It touches no table but its own.

With -confirm, apply asks whether to keep the policy. It rolls back to what was there
before unless you answer yes in time, even if the terminal, the connection or knockc
itself dies:

    knockc apply -confirm 60s policy.knock

With -dry-run, apply says what would change, and loads nothing.

If connection tracking was off, apply turns it on first and waits (-settle), so that
the kernel recognises existing connections. Otherwise the new rules would drop them.

Apply refuses a policy without a knock, because a file that was cut short would open
the host. -anyway loads such a policy.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var a applying
		flags.BoolVar(&a.dryRun, "dry-run", false, "say what would change, and load nothing")
		durationVar(flags, &a.confirm, time.Second, "confirm", "roll back after `DURATION` unless you answer yes")
		a.settle = 5 * time.Second
		durationVar(flags, &a.settle, 0, "settle", "wait for `DURATION` (5s if not given) to recognise connections, if they were not tracked before")
		anywayFlag(flags, &a.anyway)
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

// durationVar declares a flag for a duration as the language writes it, or 0 if that is
// not less than the least.
func durationVar(flags *flag.FlagSet, d *time.Duration, least time.Duration, name, usage string) {
	flags.Func(name, usage, func(text string) (err error) {
		parsed := time.Duration(0)
		if text != "0" && text != "0s" {
			parsed, err = lang.ParseDuration(text, time.Millisecond)
		}
		switch {
		case err != nil:
			return fmt.Errorf("it %w: write for example 60s", err)
		case parsed < least:
			return fmt.Errorf("it is shorter than %s", lang.FormatDuration(least))
		case parsed > 24*time.Hour:
			return errors.New("it is longer than a day")
		}
		*d = parsed
		return nil
	})
}

// applying is one run of the command.
type applying struct {
	policy          string
	dryRun, anyway  bool
	confirm, settle time.Duration

	host    *live.Host
	ruleset *compiler.Ruleset
	knocks  int
}

func (a *applying) run(s *streams) error {
	src, err := s.read(a.policy)
	if err != nil {
		return err
	}
	policy, result, err := s.compileToLoad(a.policy, src, a.anyway)
	if err != nil {
		return err
	}
	a.ruleset, a.knocks = result.Ruleset, len(policy.Knocks)
	a.host = live.NewHost(clock{})
	defer a.host.Close()
	if a.dryRun {
		return a.preview(s)
	}
	outliveReaders()
	applied, err := a.load(s)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	a.tell(s, applied)
	if applied.Trial != nil {
		return a.ask(s, applied.Trial)
	}
	return nil
}

// load loads the ruleset, on trial with -confirm, or leaves everything as it was.
func (a *applying) load(s *streams) (*live.Applied, error) {
	options := live.Options{Confirm: a.confirm, Stuck: s.tellStuck}
	if a.confirm > 0 {
		var err error
		if options.Rollback, err = rollbackWhenDue(a.ruleset.Table); err != nil {
			return nil, err
		}
	}
	tracking, err := a.track(s)
	if err != nil {
		return nil, err
	}
	applied, err := a.host.Apply(a.ruleset, options)
	s.warnNotEnded(err)
	return applied, tracking.Undo(err)
}

// track sees to it that the kernel knows the connections that live.
func (a *applying) track(s *streams) (*live.Tracking, error) {
	if a.settle == 0 {
		return nil, nil
	}
	tracking, err := a.host.StartTracking(a.ruleset)
	if err != nil || tracking == nil {
		return nil, err
	}
	said := make(chan struct{})
	go func() { // a terminal may take no output
		s.print("nothing has tracked connections here: looking at those that live for %s; press a key in sessions that are idle\n", lang.FormatDuration(a.settle))
		close(said)
	}()
	if err = a.wait(said); err == nil {
		return tracking, nil
	}
	select {
	case <-said:
	default:
		s.stuck = true
	}
	return nil, tracking.Undo(err)
}

// wait lets the time go by that was said, unless it is interrupted.
func (a *applying) wait(said <-chan struct{}) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(interrupted)
	var over <-chan time.Time
	for {
		select {
		case <-said:
			said, over = nil, time.After(a.settle)
		case <-over:
			return nil
		case <-interrupted:
			return errors.New("interrupted: nothing is loaded")
		}
	}
}

// tell says what the policy has changed.
func (a *applying) tell(s *streams, applied *live.Applied) {
	if applied.EndedTrial {
		s.warn(errors.New("a policy was on trial, and someone had deleted its table: this one replaces it, and nothing is rolled back"))
	}
	s.warn(applied.Leftovers)
	for _, line := range applied.Changes {
		s.print("%s\n", line)
	}
	s.print("table inet %s: loaded %s, for IPv4 and IPv6\n", a.ruleset.Table, report.Plural(a.knocks, "knock"))
	s.warn(a.warnOfHost(s))
}

// warnOfHost tells what of the host stands in the way of the guard.
func (a *applying) warnOfHost(s *streams) error {
	if a.ruleset.Chains[0].Hook.Point == compiler.Prerouting {
		vrfs, err := live.Devices("vrf")
		if err != nil {
			return fmt.Errorf("cannot see whether there are devices of kind vrf: %w", err)
		}
		s.warn(warningOfVRFs(vrfs))
	}
	return a.warnOfOthers(s)
}

// warningOfVRFs is nil if there are none. A packet that comes in by one passes the hook
// prerouting twice (vrf_rcv_nfhook).
func warningOfVRFs(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("a packet that comes in by %s, of kind vrf, passes the hook prerouting twice and would count as two: write `hook input` in the policy", lang.Printable(strings.Join(names, " or ")))
}

// warnOfOthers tells of tables that guard beside this one.
func (a *applying) warnOfOthers(s *streams) error {
	others, err := a.host.Others(a.ruleset.Table)
	for _, other := range others {
		s.warn(fmt.Errorf("table inet %s, which knockc has made too, guards as well: `knockc remove -table %s` takes it out", other, other))
	}
	if err != nil {
		return fmt.Errorf("cannot see whether other tables guard as well: %w", err)
	}
	return nil
}

// print prints at once, for what a user waits for.
func (s *streams) print(format string, args ...any) {
	fmt.Fprintf(s.out, format, args...)
	s.out.Flush()
}
