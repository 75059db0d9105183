//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"

	"example.org/knockc/live"
)

func runRollback(s *streams, table string, due bool) error {
	host := newHost()
	defer host.Close()
	table, err := host.OnTrial(table)
	var none *live.NoTrialError
	switch {
	case due && errors.As(err, &none):
		return nil
	case err != nil:
		return inWords(err)
	case due:
		return host.RollbackWhenDue(table)
	}
	outliveReaders()
	err = host.Rollback(table)
	if errors.Is(err, live.ErrNotEnded) || errors.Is(err, live.ErrNoCodes) {
		s.warn(err)
		err = nil
	}
	if err != nil {
		return inWords(err)
	}
	s.done = true
	fmt.Fprintln(s.out, "rolled back: the rules are as they were before")
	return nil
}

// rollbackWhenDue is the command line of this program that takes a policy back which is on
// trial in a table, when its time is over.
func rollbackWhenDue(table string) ([]string, error) {
	self, err := os.Executable()
	return []string{self, "rollback", "-due", "-table", table}, err
}
