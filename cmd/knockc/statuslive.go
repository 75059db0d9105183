//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/report"
)

// viewing is one run of the command.
type viewing struct {
	statusOptions
	ruleset *compiler.Ruleset // of the policy, nil if none is given
	wanted  string            // its hash
}

func runStatus(s *streams, o statusOptions) error { return (&viewing{statusOptions: o}).run(s) }

func (v *viewing) run(s *streams) error {
	if v.policy != "" {
		if err := v.readPolicy(s); err != nil {
			return err
		}
	}
	if v.watch {
		return v.again(s)
	}
	status, err := v.read()
	var notLoaded *live.NotLoadedError
	var foreign *live.ForeignError
	switch {
	case v.prometheus && (errors.As(err, &notLoaded) || errors.As(err, &foreign)):
		v.printNotLoaded(s.out)
		return nil
	case err != nil:
		return inWords(err)
	}
	switch {
	case v.json:
		err = v.printJSON(s.out, status)
	case v.prometheus:
		v.printMetrics(s.out, status)
	default:
		v.print(s.out, status)
	}
	if err == nil && v.differs(status) && !v.prometheus { // there a metric says so
		err = errInput
	}
	return err
}

// readPolicy finds out what should be loaded.
func (v *viewing) readPolicy(s *streams) error {
	src, err := s.read(v.policy)
	if err != nil {
		return err
	}
	policy, result, err := s.compile(v.policy, src, lang.Error)
	if err != nil {
		return err
	}
	v.table = policy.Settings.Table
	v.ruleset = result.Ruleset
	v.wanted, _ = compiler.PolicyOf(v.ruleset.Mark())
	return nil
}

func (v *viewing) differs(s *live.Status) bool {
	return v.wanted != "" && (v.wanted != s.Policy || s.ChangedByHand != "")
}

func (v *viewing) read() (*live.Status, error) {
	host := newHost()
	defer host.Close()
	return host.Status(v.table, v.ruleset)
}

// again shows the status each second.
func (v *viewing) again(s *streams) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	for {
		status, err := v.read()
		if err != nil {
			return inWords(err)
		}
		if s.outColor {
			fmt.Fprint(s.out, "\x1b[H\x1b[2J") // from the top of an empty screen
		}
		v.print(s.out, status)
		if err := s.out.Flush(); err != nil {
			return err
		}
		select {
		case <-interrupted:
			return nil
		case <-time.After(time.Second):
			fmt.Fprintln(s.out)
		}
	}
}

// print shows the status to a person.
func (v *viewing) print(w io.Writer, s *live.Status) {
	fmt.Fprintf(w, "table inet %s, policy %s", s.Table, s.Policy)
	switch {
	case s.ChangedByHand != "":
		fmt.Fprintf(w, ", which is %s, but CHANGED BY HAND: %s", lang.Printable(v.policy), s.ChangedByHand)
	case v.differs(s):
		fmt.Fprintf(w, ": NOT %s, which is policy %s", lang.Printable(v.policy), v.wanted)
	case v.wanted != "":
		fmt.Fprintf(w, ", which is %s", lang.Printable(v.policy))
	}
	if s.Dormant && s.ChangedByHand == "" {
		fmt.Fprint(w, ": DORMANT, it guards nothing")
	}
	fmt.Fprint(w, "\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KNOCK\tSERVICES\tSTEPS DONE\tOPENED\tOPEN NOW\tUNDER WAY")
	for _, k := range s.Knocks {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\n", k.Name, k.ServicesText(), k.StepsDone, k.Opened, k.Open, k.Underway)
	}
	if len(s.Standings) > 0 {
		fmt.Fprintln(t, "\nKNOCK\tSOURCE\tSTATE\tLEFT")
		for _, d := range live.Furthest(s.Standings) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", d.Knock, report.SourceText(d.Source), report.Stands(d.Symbol), leftText(d.Left))
		}
	}
	fmt.Fprintln(t, "\nSET\tSOURCES\tSIZE\tFULL")
	for _, set := range s.Sets {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.0f %%\n", set.Name, set.Elements, set.Size, 100*float64(set.Elements)/float64(max(1, set.Size)))
	}
	t.Flush()
}

// leftText is how much time is left.
func leftText(d time.Duration) string {
	if d == lang.Forever {
		return "forever"
	}
	return lang.FormatDuration(d.Round(100 * time.Millisecond))
}
