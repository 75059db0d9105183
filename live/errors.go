//go:build linux

package live

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/knockc/lang"
)

// Errors that a user can do something about.
var (
	ErrPermission = errors.New("this needs CAP_NET_ADMIN: run it as root")
	ErrNoNFTables = errors.New("this kernel has no nf_tables")

	// ErrBusy says that another process changes the table.
	ErrBusy = errors.New("another knockc is changing this table: wait until it is done")

	// ErrTooLate says that a trial has ended already.
	ErrTooLate = errors.New("too late: the trial has ended already")

	// ErrNotAsTried says that a policy on trial cannot be kept as it is.
	ErrNotAsTried = errors.New("the policy on trial is not loaded any more: someone has changed its table")

	// ErrNotEnded says that a policy is taken back, but its trial cannot be ended.
	ErrNotEnded = errors.New("the policy is rolled back, but apply still refuses other policies")

	// ErrNoCodes says that a policy is back, but not its one-time codes.
	ErrNoCodes = errors.New("the rules are as they were before, but have no one-time codes until `knockc refill`")
)

// ForeignError says that there is a table of that name, but knockc did not make it.
type ForeignError struct{ Table string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("table inet %s was not made by knockc", e.Table)
}

// SeveralError says that there are policies in several places, and not which is meant.
type SeveralError struct{ Locations []Location }

func (e *SeveralError) Error() string {
	var all []string
	for _, l := range e.Locations {
		all = append(all, l.String())
	}
	return "there are policies in " + strings.Join(all, " and ")
}

// FragmentError says that something can be done only with a table that knockc has made.
type FragmentError struct {
	Location
	Entries []string // the chains of the fragment that the table's owner jumps to
}

func (e *FragmentError) Error() string {
	return fmt.Sprintf("%s is part of a table of your own", e.Location)
}

// NotLoadedError says that a table holds no policy.
type NotLoadedError struct {
	Table    string // empty: none does
	Settling bool   // the table is there: a policy is about to be loaded, or its apply was killed
}

func (e *NotLoadedError) Error() string {
	if e.Settling {
		return fmt.Sprintf("table inet %s holds no policy yet", e.Table)
	}
	if e.Table == "" {
		return "no policy is loaded"
	}
	return fmt.Sprintf("no table inet %s is loaded", e.Table)
}

// TrialError says that a policy is on trial.
type TrialError struct {
	Table string
	Left  time.Duration // of its time; not more than 0 if it is being taken back
}

func (e *TrialError) Error() string {
	return fmt.Sprintf("a policy is on trial in table inet %s", e.Table)
}

// NoTrialError says that no policy is on trial, in a table or, without its name, at all.
type NoTrialError struct{ Table string }

func (e *NoTrialError) Error() string {
	if e.Table == "" {
		return "no policy is on trial"
	}
	return fmt.Sprintf("no policy is on trial in table inet %s", e.Table)
}

// TakenBackError says why a policy was taken back that was to be tried or kept.
type TakenBackError struct {
	Err      error
	NotEnded error // an [ErrNotEnded] or [ErrNoCodes], or nil
}

func (e *TakenBackError) Error() string { return e.Err.Error() }
func (e *TakenBackError) Unwrap() error { return e.Err }

// UnknownKnockError says that the loaded policy has no such knock.
type UnknownKnockError struct {
	Knock string
	Known []string
}

func (e *UnknownKnockError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no knock `%s`: the loaded policy has no knocks", e.Knock)
	}
	return fmt.Sprintf("no knock `%s` in the loaded policy: it has %s", e.Knock, lang.Printable(strings.Join(e.Known, ", ")))
}

// NotUndoneError says that something failed, and going back too: not all is as it was.
type NotUndoneError struct {
	Err  error // what failed
	Undo error // why going back failed
}

func (e *NotUndoneError) Error() string {
	return fmt.Sprintf("%v; going back failed: %v", e.Err, e.Undo)
}

func (e *NotUndoneError) Unwrap() []error { return []error{e.Err, e.Undo} }

// undone is an error after which all is as it was, or a [NotUndoneError].
func undone(err, undo error) error {
	if err != nil && undo != nil {
		return &NotUndoneError{err, undo}
	}
	return err
}
