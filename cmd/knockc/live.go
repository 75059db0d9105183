//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// clock is one that all processes share and nobody sets.
type clock struct{}

func (clock) Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

func (clock) Sleep(d time.Duration) { time.Sleep(d) }

func (clock) Wall() time.Time { return time.Now() }

// newHost is the host, without what a killed follow has left.
func newHost() *live.Host {
	h := live.NewHost(clock{})
	_ = h.SweepFollow() // what is left does nothing
	return h
}

// outliveReaders makes it an error to write what nobody reads any more, as it is on a full
// device. Else it would end the process, and leave half done what has begun.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// inWords says what a user can do about an error of a live host.
func inWords(err error) error {
	if both, ok := err.(*live.NotUndoneError); ok {
		return &live.NotUndoneError{Err: inWords(both.Err), Undo: both.Undo}
	}
	if words := codesWords(err); words != nil {
		return words
	}
	var notLoaded *live.NotLoadedError
	var trial *live.TrialError
	var foreign *live.ForeignError
	var several *live.SeveralError
	var fragment *live.FragmentError
	switch {
	case errors.As(err, &several):
		return fmt.Errorf("%w: say which with -table NAME", err)
	case errors.As(err, &fragment):
		return aboutFragment(fragment)
	case errors.As(err, &foreign):
		return fmt.Errorf("%w, and has no fragment of a policy", err)
	case errors.As(err, &notLoaded) && notLoaded.Settling:
		return fmt.Errorf("%w: an apply is running, or was killed and has to be repeated", err)
	case errors.As(err, &notLoaded) && notLoaded.Table == "":
		return fmt.Errorf("%w: load one with `knockc apply POLICY`", err)
	case errors.As(err, &notLoaded):
		return fmt.Errorf("%w: load a policy with `knockc apply POLICY`", err)
	case errors.As(err, &trial):
		return aboutTrial(trial)
	case errors.Is(err, live.ErrNotAsTried):
		return fmt.Errorf("%w: roll it back, or answer yes where it was applied, which loads it again", err)
	case errors.Is(err, live.ErrTooLate):
		return fmt.Errorf("%w, `knockc status` shows what is loaded", err)
	}
	return err
}

// aboutFragment says what to take out of a table that knockc does not remove.
func aboutFragment(e *live.FragmentError) error {
	jumps := "jump to " + strings.Join(e.Entries, " and ")
	if len(e.Entries) > 1 {
		jumps = "jumps to " + strings.Join(e.Entries, " and ")
	}
	return fmt.Errorf("%w: take its include and the %s out of the file of that table, and load the file once with `delete table inet %s` in place of the flush", e, jumps, e.Table)
}

func aboutTrial(e *live.TrialError) error {
	when := "is being rolled back; if that does not finish, see what this prints:"
	if e.Left > 0 {
		when = fmt.Sprintf("will be rolled back in %s: keep it with `%s`, or roll it back now with", leftOfTrial(e.Left), onTable("keep", e.Table))
	}
	return fmt.Errorf("a policy is on trial and %s `%s`", when, onTable("rollback", e.Table))
}

// onTable is the command line of a command that works on a table.
func onTable(command, table string) string {
	if table == lang.DefaultTable {
		return "knockc " + command
	}
	return "knockc " + command + " -table " + table
}

// leftOfTrial is how long a trial still lasts, in whole seconds.
func leftOfTrial(d time.Duration) string {
	return lang.FormatDuration(max(d.Round(time.Second), time.Second))
}
