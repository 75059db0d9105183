package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/report"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/session"
)

var simCommand = &command{
	name:  "sim",
	usage: "[-policy FILE] [-host ADDRESS] [" + formChoice() + "|-state TIME,...] [FLAGS] TRACE|FOLDER...",
	short: "replay packet traces through the compiled rules",
	long: `
Sim compiles the policy of a trace and replays the packets of the trace through the
rules, in virtual time. For each packet it prints the time, the source and
destination, the verdict, and the progress that the packet made. The verdict is
accept, drop or reject, or pass if no rule decides and the packet is left to the rest
of the host. If an expectation of the trace fails, sim prints its file and line and
the reason, and exits with 1. After several traces it prints a summary.

-policy chooses the policy, and so does a policy before the first trace. Without it, sim
uses the policy that the trace names in a line "policy FILE", or policy.knock in the
folder of the trace. If TRACE is -, sim reads standard input. In a folder it replays all
*.trace files.

A TRACE may also be a packet capture, pcap or pcapng. Sim replays the packets to the
host and to the addresses in clauses "at". A connection is established if the capture
contains an answer. -host gives the addresses of the host. Without it, sim infers them
from the capture if it can.

-record prints the packets of a capture as a trace, which expects of each the verdict
that it gets. With -anonymize, the trace has other source addresses: 192.0.2.1,
198.51.100.1 and so on, or for those in a prefix that the policy names, others of it.

-tap and -junit report a test for each "expect", for each packet whose verdict is not
the expected one, and for each trace, which fails if the trace cannot be replayed.

-html draws the replays over time, on one page that a browser opens without anything else:
who sent what, how far each source had got, and when doors were open. The page has the
policy: keep it secret. -html-failed draws only traces that failed, and in them the sources
whose expectations did not hold; -junit then names the page at each failed test.

-cover lists the items of each policy that no packet of the traces has met, and
prints the percentage of items that were met. These are the items, each with a packet
that meets it:

    a step               one that does the step; the last step has to open the door
    a step of "close"    one that does the step; the last step has to shut a door
    a service, entered   one that a grant lets in
    a service, refused   one that is dropped or rejected there
    "once"               one that uses up a grant
    "reset"              one that ends progress or a grant
    "from", "on"         an attempt at a step that the clause refuses
    a service of "open"  one that it accepts
    "trust"              for each prefix and interface, one that gets into a service
    "default", if given  one that it decides about, to a port without a step

-cover-rules also lists the compiled rules that matched no packet. The percentage does
not count them.

Times are exact, unless -hz is given. With -hz, timeouts are whole ticks of a clock, as
in a real kernel. It is not known where in a tick a trace begins. If a set may be full,
it is also not known when the kernel removes old elements. If a verdict may depend on
either, sim prints "depends on the tick", and an expectation of that verdict fails. The
same is true of progress, and of the state of a source. -cover and -top count only
results that do not depend on the tick. To find the HZ of a kernel, look for CONFIG_HZ
in /boot/config-*. ` + "`getconf CLK_TCK`" + ` prints another number.

-state prints the state of each source at a time, after the packets of that time: open
doors, and steps done. It is printed instead of the packets. The replay ends at that
time, or at the last of several times: -state 1s,2s,5s.

-top counts exactly if there are at most 65536 sources. If there are more, it forgets
rare ones, and says by how much a count may be too low.`,
	choices: map[string][]string{"color": colorChoices, "hz": {"100", "250", "300", "1000"}},
	setup: func(flags *flag.FlagSet) func(*streams, []string) error {
		o := &simOptions{}
		flags.StringVar(&o.Policy, "policy", "", "replay against the policy in `FILE`")
		form := formFlags(flags)
		flags.Func("run", "replay only the traces whose name matches the `REGEXP`", o.setRun)
		flags.Func("junit", "write test results to `FILE`, as JUnit's XML", setOutput(&o.junit, "-junit results.xml"))
		flags.Func("html", "draw the replays over time, as a page for browsers: `FILE`", setOutput(&o.html, "-html replay.html"))
		flags.Func("html-failed", "the same of what failed alone: `FILE`; if nothing failed, there is no file", setOutput(&o.htmlFailed, "-html-failed failed.html"))
		flags.Func("hz", "let the clock tick `N` times per second, as the kernel's clock does: 100, 250, 300 or 1000", o.setHZ)
		flags.BoolVar(&o.Cover, "cover", false, "list the items of the policies that no packet met")
		flags.BoolFunc("cover-rules", "list the compiled rules that no packet matched, too; implies -cover", o.setCoverRules)
		flags.Func("min-cover", "fail if less than `N` percent of a policy was met; implies -cover", o.setMinCover)
		flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a trace expects nothing, too")
		flags.Func("top", "print the `N` sources with the most packets, openings and refusals", o.setTop)
		captureFlags(flags, &o.Capture)
		recordFlags(flags, o)
		flags.Func("state", "print the state of each source at `TIME`, or at several: 1s,2s", o.setStates)
		color := colorFlag(flags)
		return func(s *streams, args []string) error {
			color(s)
			if len(args) == 0 {
				return usagef("takes at least one trace")
			}
			var err error
			if o.form, err = form(); err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			if o.Policy == "" && len(args) > 1 && filepath.Ext(args[0]) == ".knock" {
				o.Policy, args = args[0], args[1:]
			}
			var traces []string
			for _, name := range args {
				files, err := filesIn(name, ".trace")
				if err != nil {
					return err
				}
				traces = append(traces, files...)
			}
			if len(traces) == 0 {
				return noFiles(args, ".trace")
			}
			return o.simulate(s, traces)
		}
	},
}

// simOptions are what the flags say.
type simOptions struct {
	session.Options
	form       *simForm
	run        *regexp.Regexp // nil: all traces
	junit      string         // the file; "": none is written
	html       string         // the same of all replays as a page
	htmlFailed string         // and of those that failed
	top        int            // sources; 0: they are not counted

	coverRules        bool // the report of what was met lists rules, too
	record, anonymous bool // print a trace made of a capture, with other addresses

	strict bool // a trace without an expectation fails
}

// simulate replays the traces that -run chooses.
func (o *simOptions) simulate(s *streams, names []string) error {
	chosen := names
	if o.run != nil {
		chosen = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !o.run.MatchString(name) })
		if len(chosen) == 0 {
			return usagef("-run: no trace has a name that matches `%s`", o.run)
		}
	}
	if err := o.refuse(names, chosen); err != nil {
		return err
	}
	o.Open, o.OpenNamed, o.Top = s.open, session.OpenRegular, o.top > 0
	if o.record {
		return o.writeRecord(s, chosen)
	}
	drawn := o.html != "" || o.htmlFailed != ""
	o.Expiries = o.form.packets && len(o.States) == 0 || drawn
	o.CoverSilently = drawn && !o.Cover
	o.Cover = o.Cover || drawn
	reporters := report.All{s.progress(o), o.form.reporter(s, o, len(chosen) > 1)}
	outputs := o.outputs()
	for _, out := range outputs {
		reporters = append(reporters, out.reporter)
	}
	summary, err := session.Run(chosen, o.Options, reporters)
	if err != nil {
		return err
	}
	for _, warning := range summary.Warnings {
		s.warn(warning)
	}
	if summary.Captures == 0 && (len(o.Capture.Hosts) > 0 || o.Capture.Iface != "") {
		s.warn(errors.New("-host and -iface are for captures, and none was replayed"))
	}
	for _, failed := range summary.Errs {
		err = join(err, withFlags(failed))
	}
	if !summary.OK() || o.strict && summary.Untested > 0 {
		err = join(err, errInput)
	}
	for _, out := range outputs {
		err = join(err, out.write(s, summary.Policies))
	}
	return err
}

// withFlags says what to type about a capture that cannot be replayed.
func withFlags(err error) error {
	var unknown *capture.UnknownHostError
	var compressed *capture.CompressedError
	var missing *session.MissingPolicy
	switch {
	case errors.As(err, &missing) && missing.Line == 0:
		return fmt.Errorf("%w: name one with -policy", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: -host %s", err, unknown.Top[0].Addr)
	case errors.As(err, &compressed):
		return fmt.Errorf("%w: %s -dc FILE | knockc sim -", err, compressed.Program)
	case errors.Is(err, session.ErrTicked):
		return fmt.Errorf("%w; -hz is for traces", err)
	}
	return err
}

// refuse finds what makes no sense before anything is replayed, printed or written. The
// names are those of all traces, the chosen ones of those that will be replayed.
func (o *simOptions) refuse(names, chosen []string) error {
	taken := o.Policy == stdio
	for _, name := range chosen {
		if name == stdio && taken {
			return usagef("standard input can be read only once")
		}
		taken = taken || name == stdio
	}
	for _, out := range o.outputs() {
		if err := out.refuse(append([]string{o.Policy}, names...)); err != nil {
			return err
		}
	}
	return nil
}

// captureFlags declares the flags that say what captures leave open.
func captureFlags(flags *flag.FlagSet, o *capture.Options) {
	flags.Func("host", "in captures, the host has the `ADDRESS`; may be given several times", func(text string) error {
		host, err := netip.ParseAddr(text)
		if err != nil {
			return errors.New("wanted an IP address")
		}
		o.Hosts = append(o.Hosts, host)
		return nil
	})
	flags.Func("iface", "in captures, packets arrive on the interface `NAME`", func(text string) error {
		why := lang.NotIface(text) // the shell has taken the quotes away
		switch {
		case why != "":
			return fmt.Errorf("%s is not an interface name: %s", lang.Quote(text), why)
		case strings.HasSuffix(text, "*"):
			return fmt.Errorf("%s stands for many interfaces, but a packet arrives on one", lang.Quote(text))
		}
		o.Iface = text
		return nil
	})
}

func (o *simOptions) setRun(text string) (err error) {
	o.run, err = regexp.Compile(text)
	return err
}

func (o *simOptions) setMinCover(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > 100 {
		return fmt.Errorf("wanted 0 to 100")
	}
	o.MinCover, o.Cover = &n, true
	return nil
}

func (o *simOptions) setCoverRules(string) error {
	o.coverRules, o.Cover = true, true
	return nil
}

func (o *simOptions) setTop(text string) (err error) {
	if o.top, err = strconv.Atoi(text); err != nil || o.top < 1 {
		return fmt.Errorf("wanted a number from 1 on")
	}
	return nil
}

func (o *simOptions) setHZ(text string) (err error) {
	if o.HZ, err = strconv.Atoi(text); err != nil || !slices.Contains([]int{100, 250, 300, 1000}, o.HZ) {
		return fmt.Errorf("wanted 100, 250, 300 or 1000")
	}
	return nil
}

// setStates reads times as a trace has them, with commas between.
func (o *simOptions) setStates(text string) error {
	for _, text := range strings.Split(text, ",") {
		at, err := lang.ParseTime(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("it %w", err)
		}
		o.States = append(o.States, min(at, sim.Never-1)) // what never ends lives at the last time too
	}
	slices.Sort(o.States)
	o.States = slices.Compact(o.States)
	return nil
}

// check finds flags that do not go together.
func (o *simOptions) check() error {
	state := len(o.States) > 0
	for _, two := range []struct {
		a, b   bool
		aa, bb string
	}{
		{state, !o.form.packets, "state", o.form.flag},
		{state, o.junit != "", "state", "junit"},
		{state, o.MinCover != nil, "state", "min-cover"},
		{state, o.Cover, "state", "cover"},
		{state, o.top > 0, "state", "top"},
		{o.record, !o.form.packets || o.form != tableForm, "record", o.form.flag},
		{state, o.html != "", "state", "html"},
		{state, o.htmlFailed != "", "state", "html-failed"},
		{o.record, state, "record", "state"},
		{o.record, o.html != "", "record", "html"},
		{o.record, o.htmlFailed != "", "record", "html-failed"},
		{o.record, o.junit != "", "record", "junit"},
		{o.record, o.Cover, "record", "cover"},
		{o.record, o.top > 0, "record", "top"},
	} {
		if two.a && two.b {
			return usagef("-%s and -%s exclude each other", two.aa, two.bb)
		}
	}
	if o.anonymous && !o.record {
		return usagef("-anonymize belongs to -record")
	}
	return nil
}
