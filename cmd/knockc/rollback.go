package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"knockc/live"
)

var rollbackCommand = &command{
	name:  "rollback",
	usage: "[-due] [-table NAME]",
	short: "take a policy back that is on trial",
	long: `
Rollback goes back to what was there before ` + "`knockc apply -confirm`" + `, as long as
nobody has confirmed: to the rules as they were, with what sources have done since.

With -due it waits until the time for that is over, and does nothing if someone has
confirmed. Apply starts it so.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		due := flags.Bool("due", false, "wait until the time to confirm is over")
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; -table NAME names another table")
			}
			if *due {
				return rollbackWhenDue(*table)
			}
			return rollback(s, *table)
		}
	},
}

func rollback(s *streams, table string) error {
	unlock, err := live.Lock(table, patience)
	if err != nil {
		return err
	}
	defer unlock()
	trial, err := live.FindTrial(table)
	if err != nil {
		return err
	}
	if trial == nil {
		return fmt.Errorf("no policy is on trial in table inet %s", table)
	}
	took, err := trial.TakeBack()
	switch {
	case err != nil:
		return err
	case !took:
		return errors.New("it was kept or taken back just now")
	}
	fmt.Fprintln(s.out, "taken back: what was there before is loaded again")
	return nil
}

// rollbackWhenDue takes back the trial that is on when it begins, and no later one.
func rollbackWhenDue(table string) error {
	trial, err := live.FindTrial(table)
	if err != nil || trial == nil {
		return err
	}
	time.Sleep(trial.Left())
	unlock, err := live.Lock(table, time.Minute)
	if err != nil {
		return err
	}
	defer unlock()
	current, err := live.FindTrial(table)
	if err != nil || current == nil || current.Until != trial.Until {
		return err
	}
	_, err = trial.TakeBack()
	return err
}
