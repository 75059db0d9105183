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

A policy without a knock is refused, because a file that was cut short would open
the host; -anyway takes it.

A POLICY of - is standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var a applying
		flags.BoolVar(&a.dryRun, "dry-run", false, "say what would change, and load nothing")
		durationVar(flags, &a.confirm, time.Second, "confirm", "go back after `DURATION` unless someone says yes")
		a.settle = 5 * time.Second
		durationVar(flags, &a.settle, 0, "settle", "see connections for `DURATION`, 5s if not said, if they were not tracked before")
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
}

func (a *applying) run(s *streams) error {
	src, err := s.read(a.policy)
	if err != nil {
		return err
	}
	_, result, err := s.compileToLoad(a.policy, src, a.anyway)
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
	outliveReaders()
	l, err := a.load(s)
	if err != nil {
		return err
	}
	s.done = true
	a.tell(s, l)
	if l.trial != nil {
		return a.ask(s, l.trial)
	}
	return nil
}

// loaded is what a ruleset has met when it was loaded.
type loaded struct {
	old       *live.Table // nil if there was none
	trial     *live.Trial // that of the ruleset, with -confirm, also if loading fails
	ended     bool        // an earlier trial, whose table someone had deleted
	leftovers error
}

// load loads the ruleset, on trial with -confirm, or leaves everything as it was. Nothing
// is said under the lock: a terminal that takes nothing must not keep others waiting.
func (a *applying) load(s *streams) (l loaded, err error) {
	tracking, err := a.track(s)
	if err == nil {
		err = a.locked(patience, func() (err error) {
			l, err = a.loadLocked()
			return err
		})
	}
	if err != nil && l.trial != nil {
		s.warn(goBack(s, l.trial))
	}
	if err != nil && tracking {
		err = undone(err, a.locked(time.Minute, a.stopTracking))
	}
	return l, err
}

// undone is an error after which all is as it was, unless that could not be undone.
func undone(err, undo error) error {
	if undo != nil {
		return fmt.Errorf("%w; going back failed: %w", err, undo)
	}
	return err
}

// locked runs f while no other process changes the table.
func (a *applying) locked(patience time.Duration, f func() error) error {
	unlock, err := live.Lock(a.ruleset.Table, patience)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

func (a *applying) loadLocked() (l loaded, err error) {
	if l.old, err = a.host.Table(a.ruleset.Table); err != nil {
		return l, err
	}
	guarded := l.old != nil && !l.old.Settling()
	earlier, err := live.FindTrial(a.ruleset.Table)
	switch {
	case err != nil:
		return l, err
	case earlier != nil && (guarded || a.confirm > 0): // without a guard the door is open, trial or not
		return l, live.NoTrial(a.ruleset.Table)
	case a.confirm > 0:
		l.trial, err = a.loadOnTrial(l.old)
		return l, err
	}
	if err = a.replace(l.old); err == nil && earlier != nil {
		if err = earlier.End(); err != nil {
			return l, undone(fmt.Errorf("nothing is loaded: %w", err), a.removeTable())
		}
		l.ended = true
	}
	if err == nil {
		l.leftovers = a.host.RemoveLeftovers(a.ruleset)
	}
	return l, err
}

// replace loads the ruleset in place of a table, which may be nil, or changes nothing.
func (a *applying) replace(old *live.Table) error {
	asleep := old != nil && old.Dormant
	if asleep {
		if err := a.host.Wake(old); err != nil {
			return err
		}
	}
	err := a.host.Load(a.ruleset)
	if err != nil && asleep {
		err = undone(err, a.host.Sleep(old))
	}
	return err
}

func (a *applying) removeTable() error {
	table, err := a.host.Table(a.ruleset.Table)
	if err != nil || table == nil {
		return err
	}
	return a.host.Remove(table)
}

// track sees to it that the kernel knows the connections that live, and reports whether
// it has loaded a table for that.
func (a *applying) track(s *streams) (started bool, err error) {
	table, err := a.host.Table(a.ruleset.Table) // before the lock: whoever has no right to read needs none
	if err != nil || a.settle == 0 || live.Tracks(table) {
		return false, err
	}
	err = a.locked(patience, func() error {
		table, err := a.host.Table(a.ruleset.Table)
		if err != nil || table != nil && !table.Settling() {
			return err // another was faster
		}
		started = table == nil
		return a.host.StartTracking(a.ruleset)
	})
	if err != nil {
		return false, err
	}
	defer a.undoIfInterrupted(s)()
	s.print("nothing has tracked connections here: looking at those that live for %s; press a key in sessions that are idle\n", lang.FormatDuration(a.settle))
	time.Sleep(a.settle)
	return started, nil
}

// undoIfInterrupted makes an interrupt end the process with nothing loaded, whatever it
// waits for, until the function that it returns is called.
func (a *applying) undoIfInterrupted(s *streams) (stop func()) {
	interrupted, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case <-over:
		case <-interrupted:
			s.tell(undone(errors.New("interrupted: nothing is loaded"), a.locked(patience, a.stopTracking)))
			os.Exit(exitSystem)
		}
	}()
	return func() {
		signal.Stop(interrupted)
		over <- struct{}{} // never received once the process ends
	}
}

// stopTracking removes what StartTracking has loaded.
func (a *applying) stopTracking() error {
	table, err := a.host.Table(a.ruleset.Table)
	if err != nil || table == nil || !table.Settling() {
		return err
	}
	return a.host.Remove(table)
}

// tell says what the policy has changed.
func (a *applying) tell(s *streams, l loaded) {
	if l.ended {
		s.warn(errors.New("a policy was on trial, and someone had deleted its table: this one takes its place, and nothing goes back"))
	}
	s.warn(l.leftovers)
	for _, line := range live.Compare(l.old, a.ruleset) {
		s.print("%s\n", line)
	}
	knocks := len(a.ruleset.Counters) / 2
	s.print("table inet %s: loaded %s, for IPv4 and IPv6\n", a.ruleset.Table, report.Plural(knocks, "knock"))
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
