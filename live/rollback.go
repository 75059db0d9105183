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
// than that which began it.
type Trial struct {
	Table   string
	Until   time.Duration // when it ends, by [now]
	Taken   time.Duration // when the listing was made
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
type TrialError struct{ Left time.Duration }

func (e *TrialError) Error() string {
	when := "should have been taken back, and was not: do it with `knockc rollback`"
	if e.Left > 0 {
		when = fmt.Sprintf("goes unless it is kept in %s: keep it where it was applied, or take it back now with `knockc rollback`", lang.FormatDuration(e.Left.Round(time.Second)))
	}
	return "a policy is on trial, which " + when
}

// NoTrial is a [TrialError] if a policy is on trial in the table.
func NoTrial(table string) error {
	t, err := FindTrial(table)
	if err == nil && t != nil {
		err = &TrialError{t.Left()}
	}
	return err
}

// BeginTrial takes note of what is there: what [Trial.TakeBack] goes back to. It must
// be called under the lock.
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
	t.Until = t.Taken + lasts
	if old != nil {
		if t.Listing, err = nftList(table); err != nil {
			return nil, err
		}
	}
	return t, t.write()
}

func (t *Trial) write() error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	beside := t.file + ".new"
	if err := os.WriteFile(beside, text, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, t.file)
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

// end claims the right to end the trial, which only one process gets.
func (t *Trial) end() (bool, error) {
	claimed := fmt.Sprintf("%s.%d", t.file, os.Getpid())
	err := os.Rename(t.file, claimed)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, os.Remove(claimed)
}

// Keep ends the trial and leaves loaded what is; false if it has ended already.
func (t *Trial) Keep() (bool, error) { return t.end() }

// TakeBack ends the trial and goes back to what was there before; false if it has
// ended already. It must be called under the lock.
func (t *Trial) TakeBack() (bool, error) {
	script, err := t.script()
	if err != nil {
		return false, err
	}
	if ours, err := t.end(); !ours || err != nil {
		return ours, err
	}
	if err := nftLoad(script); err != nil {
		return true, errors.Join(err, t.write())
	}
	return true, nil
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
