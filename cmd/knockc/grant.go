package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/lang"
)

var grantCommand = &command{
	name:  "grant",
	usage: "[-for DURATION] [-table NAME] KNOCK SOURCE",
	short: "open a door by hand",
	long: `
Grant opens the door of a knock for a source address, as if it had knocked. The
door stays open for as long as the knock says, or for the time that -for gives. If it
is already open for longer, it stays open for that time.`,
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
			_, swapped := netip.ParseAddr(args[0])
			_, noAddress := netip.ParsePrefix(args[1])
			switch {
			case err == nil && src.Zone() == "":
			case swapped == nil:
				return meant("grant: the knock comes before the address", "grant", args[1], args[0])
			case noAddress == nil:
				return usagef("`%s` is a prefix: a grant is for one address", args[1])
			default:
				return usagef("`%s` is not an address", lang.Printable(args[1]))
			}
			return runGrant(s, *table, args[0], src.Unmap(), lasts)
		}
	},
}

var revokeCommand = &command{
	name:  "revoke",
	usage: "[-table NAME] KNOCK|all [SOURCE]",
	short: "shut open doors by hand",
	long: `
Revoke shuts the door of a knock, or all doors, for a source address or a prefix, or
for everyone if no SOURCE is given. Sources that have done some of the steps have to
begin again. Existing connections stay open.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		table := tableFlag(flags)
		return func(s *streams, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("takes a knock or all, and at most one source address")
			}
			knock := args[0]
			if _, err := sourcePrefix(knock); err == nil {
				return meant("revoke: the knock comes before the address", "revoke", append(args[1:], "all")[0], knock)
			}
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
			return runRevoke(s, *table, knock, from)
		}
	},
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
