package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"example.org/knockc/lang"
)

var applyCommand = &command{
	name:  "apply",
	usage: "[-dry-run] [-confirm DURATION] [-ask=false] [-settle DURATION] [-rehearse=false] [-codes=false] [-anyway] POLICY",
	short: "load a policy into the kernel",
	long: `
Apply compiles a policy and loads it into the kernel in one transaction. It replaces
the policy that is loaded. Open doors stay open, and clients in the middle of a
sequence can go on. Only edited knocks begin again, with their doors shut. Apply then
removes what the older policy left. It changes no table except its own. The rules are
gone after a reboot: ` + "`knockc help boot.md`" + ` describes a unit that loads them at boot.

With -confirm, apply asks whether to keep the policy. Unless you answer yes in time,
it rolls back to the rules that were there before, even if the terminal, the
connection or knockc itself dies. knockc keep, in a new connection, is a yes too:

    knockc apply -confirm 60s policy.knock

With -ask=false as well, apply ends as soon as the policy is loaded, and knockc keep is
the only yes. This is for scripts on another machine: they connect again, then keep.

With -dry-run, apply says what would change, and loads nothing. If the loaded policy is
the one in /etc/knockc/policy.knock, it also shows packets, as diff does.

If connection tracking was off, apply turns it on first and waits (-settle), so that
the kernel recognises existing connections. Otherwise the new rules would drop them.
The kernel recognises only connections that send a packet in this time: press a key
in each ssh session.

Apply first rehearses the policy beside the rest of the firewall, as knockc rehearse
does. It loads nothing if a door would stand open to strangers, and warns of all other
problems. Without root, it cannot rehearse, and says so. It leaves policies of more than
100 knocks to knockc rehearse. -rehearse=false skips the rehearsal.

With the rules, apply loads the one-time codes of knocks that have any, as knockc refill
does. -codes=false loads none and leaves them to refill: at boot, before the clock is
right.

Apply refuses a policy without a knock, because a file that was cut short would open
the host. -anyway loads a policy that apply refuses.

If POLICY is -, apply reads standard input.`,
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		var o applyOptions
		flags.BoolVar(&o.dryRun, "dry-run", false, "say what would change, and load nothing")
		durationVar(flags, &o.confirm, time.Second, "confirm", "roll back after `DURATION` unless you answer yes")
		flags.BoolVar(&o.ask, "ask", true, "with -confirm: ask for the yes, and wait for it")
		o.settle = 5 * time.Second
		durationVar(flags, &o.settle, 0, "settle", "if connection tracking was off, wait for `DURATION` before loading (5s if not given)")
		flags.BoolVar(&o.rehearse, "rehearse", true, "try the policy beside the rest of the firewall first")
		flags.BoolVar(&o.codes, "codes", true, "load one-time codes with the policy")
		flags.BoolVar(&o.anyway, "anyway", false, "load even a policy without a knock, or with a door that stands open")
		return func(s *streams, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("takes one policy")
			case o.confirm > 0 && o.ask && args[0] == stdio:
				return usagef("-confirm reads the answer from standard input, so the policy must be a file")
			case o.confirm == 0 && !o.ask:
				return usagef("-ask=false is for -confirm, which asks")
			case o.confirm > 0 && o.dryRun:
				return usagef("-dry-run loads nothing that could be confirmed")
			}
			o.policy = args[0]
			return runApply(s, o)
		}
	},
}

// applyOptions are what the command line asks for.
type applyOptions struct {
	policy          string
	dryRun, anyway  bool
	rehearse, codes bool
	ask             bool
	confirm, settle time.Duration
}

// durationVar declares a flag for a duration as the language writes it, or 0 if that is
// not less than the least.
func durationVar(flags *flag.FlagSet, d *time.Duration, least time.Duration, name, usage string) {
	flags.Func(name, usage, func(text string) (err error) {
		parsed := time.Duration(0)
		if text != "0" && text != "0s" {
			parsed, err = lang.ParseDuration(text, time.Millisecond)
		}
		switch {
		case err != nil:
			return fmt.Errorf("it %w: write for example 60s", err)
		case parsed < least:
			return fmt.Errorf("it is shorter than %s", lang.FormatDuration(least))
		case parsed > 24*time.Hour:
			return errors.New("it is longer than a day")
		}
		*d = parsed
		return nil
	})
}
