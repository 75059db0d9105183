//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/report"
)

func runGrant(s *streams, table, knock string, src netip.Addr, lasts time.Duration) error {
	outliveReaders()
	host := newHost()
	defer host.Close()
	at, err := host.Find(table)
	if err != nil {
		return inWords(err)
	}
	granted, err := host.Grant(at, knock, src, lasts)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	fmt.Fprintf(s.out, "%s is open for %s, %s\n", knock, report.SourceText(granted.Source), during(granted.For))
	return nil
}

func runRevoke(s *streams, table, knock string, from netip.Prefix) error {
	outliveReaders()
	host := newHost()
	defer host.Close()
	at, err := host.Find(table)
	if err != nil {
		return inWords(err)
	}
	ended, err := host.Revoke(at, knock, from)
	if err != nil {
		return inWords(err)
	}
	s.done = true
	tellEnded(s, ended)
	return nil
}

// tellEnded says what was revoked.
func tellEnded(s *streams, ended []live.Standing) {
	if len(ended) == 0 {
		fmt.Fprintln(s.out, "no such door was open, and no source was in the middle of a sequence")
	}
	for _, d := range ended {
		source := report.SourceText(d.Source)
		if d.Role == compiler.Grant {
			fmt.Fprintf(s.out, "%s is shut for %s, it would have stayed open %s\n", d.Knock, source, during(d.Left))
		} else {
			fmt.Fprintf(s.out, "%s begins again for %s, which was at %s\n", d.Knock, source, report.Stands(d.Symbol))
		}
	}
}

// during says how long something lasts.
func during(d time.Duration) string {
	if d == lang.Forever {
		return "forever"
	}
	return "for " + lang.FormatDuration(d.Round(time.Millisecond))
}
