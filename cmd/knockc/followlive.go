//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"example.org/knockc/live"
	"example.org/knockc/report"
)

func runFollow(s *streams, o followOptions) (err error) {
	outliveReaders()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, interruptions...)
	host := newHost()
	defer host.Close()
	at, err := host.Find(o.table)
	if err != nil {
		return inWords(err)
	}
	f, err := host.Follow(live.Following{At: at, Source: o.source, Knock: o.knock, All: o.all})
	if err != nil {
		return inWords(err)
	}
	defer func() { err = join(err, f.Close()) }()
	for n := 0; ; {
		packets, missing, err := f.Packets()
		if err != nil {
			return inWords(err)
		}
		if missing {
			fmt.Fprintf(s.out, "%s  too many packets at once: some are not shown\n", timeText(time.Now()))
		}
		for _, p := range packets {
			fmt.Fprintln(s.out, followedText(time.Now(), p))
			if n++; n == o.count {
				return nil
			}
		}
		if err := s.out.Flush(); err != nil {
			return nil // nobody reads it any more; what is not written is told at the end
		}
		select {
		case <-interrupted:
			return nil
		default:
		}
	}
}

func timeText(t time.Time) string { return t.Format("15:04:05.000") }

// followedText is a line about a packet.
func followedText(now time.Time, p live.Followed) string {
	port := strings.Join(append([]string{p.To.String()}, p.Flags...), " ")
	verdict := p.Verdict
	if verdict == "" {
		verdict = "-"
	}
	var then []string
	for _, m := range p.Moved {
		then = append(then, m.Knock+" "+report.Stands(m))
	}
	for _, o := range p.Others {
		what := "then sent elsewhere"
		if o.Drops {
			what = "then drop"
		}
		then = append(then, fmt.Sprintf("%s: %s, %s: %s", what, strings.TrimPrefix(o.Table, "table "), o.Chain, o.Rule))
	}
	line := fmt.Sprintf("%s  %-15s -> %-8s  %-6s  %s", timeText(now), p.Source, port, verdict, strings.Join(then, "; "))
	return strings.TrimSpace(line)
}
