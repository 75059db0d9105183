//go:build linux

package main

import (
	"fmt"

	"example.org/knockc/live"
)

func runKeep(s *streams, table string) error {
	outliveReaders()
	host := live.NewHost(clock{})
	defer host.Close()
	leftovers, err := host.Keep(table)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	s.warn(leftovers)
	fmt.Fprintln(s.out, "kept")
	return nil
}
