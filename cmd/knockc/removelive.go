//go:build linux

package main

import (
	"fmt"

	"example.org/knockc/live"
	"example.org/knockc/report"
)

func runRemove(s *streams, table string) error {
	outliveReaders()
	host := newHost()
	defer host.Close()
	at, err := host.Find(table)
	if err != nil {
		return inWords(err)
	}
	removed, err := host.Remove(at)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	tellRemoved(s, removed)
	return nil
}

func tellRemoved(s *streams, r live.Removed) {
	fmt.Fprintf(s.out, "removed table inet %s, with %s and %s\n", r.Table, report.Count(len(r.Knocks), "knock"), report.Count(openDoors(r.Status), "open door"))
	s.warn(r.Unnoted)
	switch {
	case r.NotEnded != nil:
		s.warn(fmt.Errorf("a policy was on trial, and the rules before it will be loaded again in %s: %w", leftOfTrial(r.Trial.Left()), r.NotEnded))
	case r.Trial != nil:
		fmt.Fprintln(s.out, "a policy was on trial: it will not be rolled back")
	}
}

func openDoors(s *live.Status) int {
	n := 0
	for _, k := range s.Knocks {
		n += k.Open
	}
	return n
}
