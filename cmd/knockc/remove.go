package main

import (
	"flag"
	"fmt"
	"time"

	"knockc/lang"
	"knockc/live"
	"knockc/report"
)

var removeCommand = &command{
	name:  "remove",
	usage: "[-table NAME]",
	short: "take the rules out of the kernel",
	long: `
Remove deletes the table: all rules, and all that is known of sources. What the
knocks guarded is then as open as the rest of the host's firewall leaves it.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; -table NAME names another table")
			}
			var r removed
			err := locked(*table, func() (err error) {
				r, err = remove(*table)
				return err
			})
			if err == nil {
				s.done = true
				r.tell(s)
			}
			return err
		}
	},
}

// removed is a table that is gone.
type removed struct {
	*live.Status
	trial    *live.Trial // nil if no policy was on trial
	notEnded error
}

// remove removes the table, and ends the trial if there is one.
func remove(name string) (r removed, err error) {
	err = withTable(name, func(t liveTable) error {
		if r.Status, err = t.Status(t.table); err != nil {
			return err
		}
		if r.trial, err = live.FindTrial(name); err != nil {
			return err
		}
		if err := t.Remove(t.table); err != nil || r.trial == nil {
			return err
		}
		r.notEnded = r.trial.End()
		return nil
	})
	return r, err
}

func (r removed) tell(s *streams) {
	fmt.Fprintf(s.out, "table inet %s is gone, with %s and %s\n", r.Table, report.Plural(len(r.Knocks), "knock"), report.Plural(openDoors(r.Status), "open door"))
	switch {
	case r.notEnded != nil:
		s.warn(fmt.Errorf("a policy was on trial, and what was there before comes back in %s: %w",
			lang.FormatDuration(max(r.trial.Left().Round(time.Second), time.Second)), r.notEnded))
	case r.trial != nil:
		fmt.Fprintln(s.out, "a policy was on trial: nothing goes back")
	}
}

func openDoors(s *live.Status) int {
	n := 0
	for _, k := range s.Knocks {
		n += k.Open
	}
	return n
}
