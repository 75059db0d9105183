package main

import (
	"flag"
	"fmt"

	"knockc/live"
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
			var status *live.Status
			var trial *live.Trial
			err := locked(*table, func() (err error) {
				status, trial, err = remove(*table)
				return err
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "table inet %s is gone, with %s and %s\n", *table,
				plural(len(status.Knocks), "knock"), plural(openDoors(status), "open door"))
			if trial != nil {
				fmt.Fprintln(s.out, "a policy was on trial: nothing goes back")
			}
			return nil
		}
	},
}

// remove removes the table, and ends the trial if there is one.
func remove(name string) (status *live.Status, trial *live.Trial, err error) {
	err = withTable(name, func(t liveTable) error {
		if status, err = t.Status(t.table); err != nil {
			return err
		}
		if trial, err = live.FindTrial(name); err != nil {
			return err
		}
		if err := t.Remove(t.table); err != nil || trial == nil {
			return err
		}
		return trial.End()
	})
	return status, trial, err
}

func openDoors(s *live.Status) int {
	n := 0
	for _, k := range s.Knocks {
		n += k.Open
	}
	return n
}
