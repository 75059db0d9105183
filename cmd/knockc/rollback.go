package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"knockc/lang"
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
	err := locked(table, func() error {
		trial, err := live.FindTrial(table)
		if err == nil && trial == nil {
			err = fmt.Errorf("no policy is on trial in table inet %s", lang.Printable(table))
		}
		if err != nil {
			return err
		}
		return trial.TakeBack()
	})
	if errors.Is(err, live.ErrNotEnded) {
		s.warn(err)
		err = nil
	}
	if err == nil {
		s.done = true
		fmt.Fprintln(s.out, "taken back: what was there before is loaded again")
	}
	return err
}

// rollbackWhenDue takes back the trial that is on when it begins, and no later one. It
// does not give up as long as the trial goes: nobody else may be left to do it.
func rollbackWhenDue(table string) error {
	trial, err := live.FindTrial(table)
	if err != nil || trial == nil {
		return err
	}
	for {
		time.Sleep(trial.Left())
		over, err := takeBack(trial, true)
		if over {
			return err
		}
		if err != nil {
			time.Sleep(time.Second)
		}
	}
}

// takeBack takes a trial back if it still goes, and if it is due or need not be: it may
// have been extended. It reports whether there is nothing more to be done.
func takeBack(trial *live.Trial, whenDue bool) (over bool, err error) {
	if goes, err := trial.Goes(); err != nil || !goes {
		return err == nil, err
	}
	unlock, err := live.Lock(trial.Table, time.Minute)
	if err != nil {
		return false, err
	}
	defer unlock()
	goes, err := trial.Goes()
	switch {
	case err != nil:
		return false, err
	case !goes:
		return true, nil
	case whenDue && trial.Left() > 0:
		return false, nil
	}
	err = trial.TakeBack()
	return err == nil || errors.Is(err, live.ErrNotEnded), err
}
