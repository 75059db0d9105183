package main

import (
	"flag"
	"fmt"
	"time"

	"knockc/lang"
	"knockc/live"
)

// patience is how long a command waits for another that changes the same table.
const patience = 5 * time.Second

// tableFlag declares the flag for those who have given their table another name.
func tableFlag(flags *flag.FlagSet) *string {
	return flags.String("table", lang.DefaultTable, "look at the table of this `NAME`, as the policy has it")
}

// liveTable is a table of the running kernel, and the right to change it.
type liveTable struct {
	*live.Host
	table *live.Table
}

// withTable runs f on a table that is loaded.
func withTable(name string, f func(liveTable) error) error {
	host, err := live.Open()
	if err != nil {
		return err
	}
	defer host.Close()
	table, err := host.Table(name)
	if err != nil {
		return err
	}
	switch {
	case table == nil:
		return &notLoadedError{name}
	case table.Settling():
		return fmt.Errorf("table inet %s holds no policy yet: an apply is under way, or was killed and has to be repeated", lang.Printable(name))
	}
	return f(liveTable{host, table})
}

// notLoadedError says that there is no table of that name.
type notLoadedError struct{ table string }

func (e *notLoadedError) Error() string {
	return fmt.Sprintf("no table inet %s is loaded: load one with `knockc apply POLICY`", lang.Printable(e.table))
}

// changingTable is withTable while no other process changes the table.
func changingTable(name string, f func(liveTable) error) error {
	return withTable(name, func(liveTable) error { // before the lock: whoever has no right to read needs none
		unlock, err := live.Lock(name, patience)
		if err != nil {
			return err
		}
		defer unlock()
		return withTable(name, f)
	})
}
