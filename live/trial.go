package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"knockc/lang"
)

// Trial is what was there before a policy that is loaded for a time, unless someone
// keeps it. It lies in a file, for the process that ends the trial may be another one
// than that which began it: the file is there until that is done. A trial is begun and
// ended under the lock.
type Trial struct {
	Table   string
	Taken   time.Duration // when the listing was made, by [now]; no two trials have the same
	Until   time.Duration // when it ends, by [now]
	Listing string        // of nft, empty if there was no table

	file string
}

// now is a clock that all processes share and nobody sets.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// TrialError says that a policy is on trial.
type TrialError struct {
	Table string
	Left  time.Duration // of its time
}

func (e *TrialError) Error() string {
	when := "is being taken back; if that does not come to an end, see what says"
	if e.Left > 0 {
		when = fmt.Sprintf("goes unless it is kept in %s: keep it where it was applied, or take it back now with", lang.FormatDuration(max(e.Left.Round(time.Second), time.Second)))
	}
	command := "knockc rollback"
	if e.Table != lang.DefaultTable {
		command += " -table " + e.Table
	}
	return fmt.Sprintf("a policy is on trial, which %s `%s`", when, command)
}

// NoTrial is a [TrialError] if a policy is on trial in the table.
func NoTrial(table string) error {
	t, err := FindTrial(table)
	if err == nil && t != nil {
		err = &TrialError{table, t.Left()}
	}
	return err
}

// BeginTrial takes note of what is there: what [Trial.TakeBack] goes back to. It is an
// error if that could not be done later.
func (h *Host) BeginTrial(table string, lasts time.Duration) (*Trial, error) {
	if err := NoTrial(table); err != nil {
		return nil, err
	}
	name, err := stateFile(table, "trial")
	if err != nil {
		return nil, err
	}
	t := &Trial{Table: table, file: name}
	old, err := h.Table(table)
	if err != nil {
		return nil, err
	}
	t.Taken = now()
	if old != nil && !old.Settling() {
		t.Listing, err = nftList(table)
	} else {
		err = nftWorks()
	}
	if err != nil {
		return nil, err
	}
	return t, t.Extend(lasts)
}

// Extend makes the trial last as long as that from now on.
func (t *Trial) Extend(lasts time.Duration) error {
	t.Until = now() + lasts
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	beside := t.file + ".new"
	if err = os.WriteFile(beside, text, 0o600); err == nil {
		err = os.Rename(beside, t.file)
	}
	if err != nil {
		os.Remove(beside)
		return fmt.Errorf("cannot take note of the trial: %w", err)
	}
	return nil
}

// FindTrial finds the trial of a table; nil if there is none.
func FindTrial(table string) (*Trial, error) {
	name, err := stateFile(table, "trial")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	t := &Trial{file: name}
	if err == nil {
		err = json.Unmarshal(text, t)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return t, nil
}

// Left is how long the trial still lasts, less than nothing if it should have ended.
func (t *Trial) Left() time.Duration { return t.Until - now() }

// Goes reports whether the trial has not ended yet, and reads until when it lasts.
func (t *Trial) Goes() (bool, error) {
	current, err := FindTrial(t.Table)
	if err != nil || current == nil {
		return false, err
	}
	if current.Taken != t.Taken {
		return false, nil
	}
	t.Until = current.Until
	return true, nil
}

// End ends the trial and leaves loaded what is.
func (t *Trial) End() error {
	if err := os.Remove(t.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot end the trial: %w", err)
	}
	return nil
}

// ErrNotEnded says that a policy is taken back, but its trial cannot be ended.
var ErrNotEnded = errors.New("the policy is taken back, but apply refuses others")

// TakeBack goes back to what was there before, and ends the trial. Whoever fails to, or
// dies meanwhile, leaves the trial to others. Only if the error is [ErrNotEnded] it has
// changed anything.
func (t *Trial) TakeBack() error {
	script, err := t.script()
	if err == nil {
		err = nftLoad(script)
	}
	if err != nil {
		return err
	}
	t.guardDoors()
	if err = t.End(); err != nil {
		err = fmt.Errorf("%w: %w", ErrNotEnded, err)
	}
	return err
}

// guardDoors makes the guard of doors fit to the doors that were opened and shut since, as
// far as it can.
func (t *Trial) guardDoors() {
	h, err := Open()
	if err != nil {
		return
	}
	defer h.Close()
	if table, err := h.Table(t.Table); err == nil && table != nil {
		_ = h.takeOutUseless(table)
		_ = h.putInNeeded(table)
	}
}

// script makes what was there before, with what sources have done since.
func (t *Trial) script() (string, error) {
	script := fmt.Sprintf("add table inet %s\ndelete table inet %s\n", t.Table, t.Table)
	if t.Listing == "" {
		return script, nil
	}
	old := parseListing(t.Listing)
	old.age(now() - t.Taken)
	current, err := nftList(t.Table)
	if err == nil {
		old.takeOver(parseListing(current))
	} else if !errors.Is(err, errNoTable) {
		return "", err
	}
	return script + old.String(), nil
}
