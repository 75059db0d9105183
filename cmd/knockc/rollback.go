package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"knockc/live"
)

var rollbackCommand = &command{
	name:  "rollback",
	usage: "[-due] [-table NAME]",
	short: "roll back a policy that is on trial",
	long: `
Rollback loads the rules that were there before ` + "`knockc apply -confirm`" + `, if nobody has
confirmed the new ones. It keeps what sources have done since then.

With -due it first waits until the time to confirm is over, and does nothing if
someone has confirmed. Apply starts it that way.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		due := flags.Bool("due", false, "wait until the time to confirm is over")
		return func(s *streams, args []string) error {
			if len(args) != 0 {
				return usagef("takes no arguments; -table NAME names another table")
			}
			if *due {
				host := live.NewHost(clock{})
				defer host.Close()
				return host.RollbackWhenDue(*table)
			}
			return rollback(s, *table)
		}
	},
}

func rollback(s *streams, table string) error {
	outliveReaders()
	host := live.NewHost(clock{})
	defer host.Close()
	err := host.Rollback(table)
	if errors.Is(err, live.ErrNotEnded) {
		s.warn(err)
		err = nil
	}
	if err != nil {
		return inWords(err)
	}
	s.done = true
	fmt.Fprintln(s.out, "rolled back: what was there before is loaded again")
	return nil
}

// rollbackWhenDue is the command line of this program that takes a policy back which is on
// trial in a table, when its time is over.
func rollbackWhenDue(table string) ([]string, error) {
	self, err := os.Executable()
	return []string{self, "rollback", "-due", "-table", table}, err
}
