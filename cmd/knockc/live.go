package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
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

// withTable runs f on a table that is loaded. It may hold no policy yet.
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
	if table == nil {
		return &notLoadedError{fmt.Sprintf("no table inet %s is loaded: load one with `knockc apply POLICY`", lang.Printable(name))}
	}
	return f(liveTable{host, table})
}

// withPolicy is withTable for a table that holds a policy.
func withPolicy(name string, f func(liveTable) error) error {
	return withTable(name, func(t liveTable) error {
		if t.table.Settling() {
			return &notLoadedError{fmt.Sprintf("table inet %s holds no policy yet: an apply is under way, or was killed and has to be repeated", lang.Printable(name))}
		}
		return f(t)
	})
}

// notLoadedError says that no policy is loaded.
type notLoadedError struct{ message string }

func (e *notLoadedError) Error() string { return e.message }

// outliveReaders makes it an error to write what nobody reads any more, as it is on a full
// device. Else it would end the process, and leave half done what has begun.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// locked runs f while no other process changes the table. What there is to say is said
// after it: whoever does not read must not keep others waiting.
func locked(name string, f func() error) error {
	outliveReaders()
	host, err := live.Open() // before the lock: whoever has no right to read needs none
	if err != nil {
		return err
	}
	defer host.Close()
	if _, err := host.Table(name); err != nil {
		return err
	}
	unlock, err := live.Lock(name, patience)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// changingPolicy is withPolicy while no other process changes the table.
func changingPolicy(name string, f func(liveTable) error) error {
	return locked(name, func() error { return withPolicy(name, f) })
}
