//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/live/rehearse"
	"example.org/knockc/report"
)

// applying is one run of the command.
type applying struct {
	applyOptions
	host    *live.Host
	result  *compiler.Result
	ruleset *compiler.Ruleset // of the result
	knocks  int
	keys    []live.Codes

	rehearsed *rehearse.Report // nil if it was not
	why       error            // it could not be
}

func runApply(s *streams, o applyOptions) error { return (&applying{applyOptions: o}).run(s) }

func (a *applying) run(s *streams) error {
	result, err := untilInterrupted(func() (*compiler.Result, error) { return a.prepare(s) })
	if err == errInterrupted {
		return fmt.Errorf("%w: nothing is loaded", err)
	}
	if err != nil {
		return err
	}
	a.result, a.ruleset = result, result.Ruleset
	a.host = newHost()
	defer a.host.Close()
	if a.dryRun {
		return a.preview(s)
	}
	outliveReaders()
	applied, err := a.load(s)
	if err != nil {
		return a.inWords(err)
	}
	s.done = true
	a.tell(s, applied)
	switch {
	case applied.Trial == nil:
		return nil
	case a.ask:
		return a.askToKeep(s, applied.Trial)
	}
	s.print("%s\n", a.howToEnd(applied.Trial))
	return nil
}

// prepare does what comes before loading.
func (a *applying) prepare(s *streams) (*compiler.Result, error) {
	src, err := s.read(a.policy)
	if err != nil {
		return nil, err
	}
	policy, result, err := s.compileToLoad(a.policy, src, a.anyway)
	if err != nil {
		return nil, err
	}
	if a.codes {
		if a.keys, err = s.codesOf(a.policy, result); err != nil {
			return nil, err
		}
	}
	a.knocks = len(policy.Knocks)
	if a.rehearse && !a.dryRun {
		err = a.tryOut(s, result)
	}
	return result, err
}

// inWords is [inWords] for a policy that is to be loaded.
func (a *applying) inWords(err error) error {
	if foreign := (*live.ForeignError)(nil); errors.As(err, &foreign) {
		return fmt.Errorf("%w, so knockc does not touch it: choose another table with `table NAME` in the policy", err)
	}
	return inWords(err)
}

// load loads the ruleset, on trial with -confirm, or leaves everything as it was.
func (a *applying) load(s *streams) (*live.Applied, error) {
	options := live.Options{Confirm: a.confirm, Codes: a.keys, KeepCodes: !a.codes, Stuck: s.tellStuck}
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
	a.ruleset.Stamp(time.Now())
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
		s.print("connection tracking was off: waiting %s to recognise existing connections; press a key in each idle session, or it is cut\n", lang.FormatDuration(a.settle))
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
	signal.Notify(interrupted, interruptions...)
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
	s.print("table inet %s: loaded %s, for IPv4 and IPv6\n", a.ruleset.Table, report.Count(a.knocks, "knock"))
	s.tellSupplied(applied.Codes)
	s.warn(a.warnOfHost(s))
	if a.why != nil {
		s.tell(fmt.Errorf("not rehearsed: %w", a.why))
	}
	if a.rehearsed != nil {
		s.warnOfProblems(a.rehearsed)
	}
}

// mostRehearsed bounds for how many knocks apply rehearses: a hundred take seconds.
const mostRehearsed = 100

// tryOut rehearses. It is an error if a door stands open, unless the user wants that.
func (a *applying) tryOut(s *streams, result *compiler.Result) error {
	if a.knocks > mostRehearsed {
		a.why = fmt.Errorf("that takes long with more than %d knocks, and is left to `knockc rehearse`", mostRehearsed)
		return nil
	}
	a.rehearsed, a.why = rehearse.Run(result.Policy, result)
	if a.why != nil || !a.rehearsed.StandsOpen() || a.anyway {
		return nil
	}
	s.warnOfProblems(a.rehearsed)
	s.tell(errors.New("nothing is loaded, because a door would stand open: -anyway loads the policy all the same"))
	return errInput
}

func (s *streams) warnOfProblems(r *rehearse.Report) {
	for _, p := range problems(r) {
		fmt.Fprintf(s.err, "knockc: warning: %s\n", p)
	}
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
		if other.Fragment != "" {
			s.warn(fmt.Errorf("%v guards as well: take it out of the file of that table", other))
			continue
		}
		s.warn(fmt.Errorf("%v, which knockc has made too, guards as well: `knockc remove -table %s` takes it out", other, other.Table))
	}
	if err != nil {
		return fmt.Errorf("cannot see whether other tables guard as well: %w", err)
	}
	return nil
}
