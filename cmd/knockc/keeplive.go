//go:build linux

package main

import (
	"fmt"
)

func runKeep(s *streams, table string) error {
	outliveReaders()
	host := newHost()
	defer host.Close()
	table, err := host.OnTrial(table)
	if err != nil {
		return inWords(err)
	}
	leftovers, err := host.Keep(table)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	s.warn(leftovers)
	fmt.Fprintln(s.out, "kept")
	return nil
}
