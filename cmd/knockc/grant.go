package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"time"

	"knockc/lang"
	"knockc/live"
	"knockc/report"
)

var grantCommand = &command{
	name:  "grant",
	usage: "[-for DURATION] [-table NAME] KNOCK SOURCE",
	short: "open a door by hand",
	long: `
Grant opens the door of a knock for a source address, as if it had knocked. The
door stays open for as long as the knock says, or for the time that -for gives. If it
is already open for longer, it stays open for that time.

    knockc grant -for 1h ssh 192.0.2.7`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		var lasts time.Duration
		flags.Func("for", "keep the door open for `DURATION`, or forever", func(text string) (err error) {
			lasts, err = grantDuration(text)
			return err
		})
		return func(s *streams, args []string) error {
			if len(args) != 2 {
				return usagef("takes a knock and a source address")
			}
			src, err := netip.ParseAddr(args[1])
			if err != nil || src.Zone() != "" {
				return usagef("`%s` is not an address", lang.Printable(args[1]))
			}
			outliveReaders()
			host := live.NewHost(clock{})
			defer host.Close()
			granted, err := host.Grant(*table, args[0], src.Unmap(), lasts)
			if err != nil {
				return inWords(err)
			}
			s.done = true
			fmt.Fprintf(s.out, "%s is open for %s %s\n", args[0], report.SourceText(granted.Source), during(granted.For))
			return nil
		}
	},
}

var revokeCommand = &command{
	name:  "revoke",
	usage: "[-table NAME] KNOCK|all [SOURCE]",
	short: "shut open doors by hand",
	long: `
Revoke shuts the door of a knock, or all doors, for a source address or a prefix, or
for everyone if no SOURCE is given. Sources that are under way have to begin again.
Connections that were let in go on.

    knockc revoke ssh 192.0.2.7
    knockc revoke all`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("takes a knock or all, and at most one source address")
			}
			knock := args[0]
			if knock == "all" {
				knock = ""
			}
			var from netip.Prefix
			if len(args) == 2 {
				var err error
				if from, err = sourcePrefix(args[1]); err != nil {
					return err
				}
			}
			outliveReaders()
			host := live.NewHost(clock{})
			defer host.Close()
			ended, err := host.Revoke(*table, knock, from)
			if err != nil {
				return inWords(err)
			}
			s.done = true
			tellEnded(s, ended)
			return nil
		}
	},
}

// tellEnded says what was revoked.
func tellEnded(s *streams, ended []live.Standing) {
	if len(ended) == 0 {
		fmt.Fprintln(s.out, "no such door was open, and nobody was under way")
	}
	for _, d := range ended {
		source := report.SourceText(d.Source)
		if d.Open {
			fmt.Fprintf(s.out, "%s is shut for %s, it was open %s\n", d.Knock, source, during(d.Left))
		} else {
			fmt.Fprintf(s.out, "%s begins again for %s, which was at %s\n", d.Knock, source, stands(d))
		}
	}
}

func sourcePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, usagef("`%s` is neither an address nor a prefix", lang.Printable(text))
	}
	return p.Masked(), nil
}

func grantDuration(text string) (time.Duration, error) {
	if text == "forever" {
		return lang.Forever, nil
	}
	d, err := lang.ParseDuration(text, time.Millisecond)
	switch {
	case err != nil:
		return 0, fmt.Errorf("it %w: write `90s`, `1h30m` or forever", err)
	case d < time.Millisecond || d > 365*24*time.Hour:
		return 0, errors.New("a duration is from 1ms to 365d, or forever")
	}
	return d, nil
}

// during says how long something lasts.
func during(d time.Duration) string {
	if d == lang.Forever {
		return "forever"
	}
	return "for " + lang.FormatDuration(d.Round(time.Millisecond))
}
