// Package session runs a whole request: it replays traces and captures, each against
// its policy, and passes the results to a [Reporter]. Call [Run].
package session

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/replay"
)

// Options say how traces are replayed.
type Options struct {
	Policy        string          // the file of the policy of all traces; "": each has its own
	HZ            int             // how often the kernel's clock ticks in a second; 0: time is exact
	States        []time.Duration // sorted: how far sources are then, and the replay ends with the last; none: it ends with the trace
	Cover         bool            // note which items of the policies packets meet
	CoverSilently bool            // and do not report that as a result of its own
	MinCover      *float64        // the percentage of each policy that packets must meet; nil: any
	Top           bool            // count by source
	Expiries      bool            // outcomes say what time has undone before them
	Capture       capture.Options
	TextOnly      bool // a capture is an error

	// Open opens a file by its name, or standard input, whose name is -. Nil is [OpenFile].
	// What it returns is read more than once: where it is, if it is an io.Seeker and an
	// io.ReaderAt too, and else from a copy in memory or in a temporary file.
	Open func(name string) (io.ReadCloser, error)

	// OpenNamed opens a policy by the name that a trace has for it. The trace may come from
	// someone else, so the file may be anything. Nil is Open, or without it [OpenRegular].
	OpenNamed func(name string) (io.ReadCloser, error)
}

// Reporter receives the results: for each trace Begin, an Outcome for each packet and
// expectation, and End; after all traces Close. A trace that cannot be replayed at all
// has only an End. What an Outcome points to is valid until the method returns.
type Reporter interface {
	Begin(*Trace)
	Outcome(replay.Outcome)
	End(*Result)
	Close(*Summary)
}

// Trace is a trace or a capture that is about to be replayed.
type Trace struct {
	Name     string
	Capture  bool
	Forwards bool // the policy guards services of other hosts
	Outcomes int  // how many there will be; 0: unknown

	// Events are the events of a trace, for a reporter that looks ahead: they are read
	// once more while it does. Each is valid until the next. Nil for a capture.
	Events iter.Seq[*trace.Event]
}

// Result is the result of a trace.
type Result struct {
	Name         string
	Errs         []error           // why it was not replayed to its end; of the trace, and of its policy
	Policy       string            // the file of the policy of a trace
	Findings     []lang.Finding    // about the text of a trace, and what it needs of its policy; errors are in Errs too
	Held, Failed int               // expectations, and packets with a verdict that is not the wanted one
	Stats        *capture.Stats    // of a capture
	States       []replay.Snapshot // those that were asked for
}

// Passed reports whether the trace was replayed and all its expectations held.
func (r *Result) Passed() bool { return len(r.Errs) == 0 && r.Failed == 0 }

// TestsNothing reports whether it is a trace that expects nothing.
func (r *Result) TestsNothing() bool { return r.Passed() && r.Held == 0 && r.Stats == nil }

// Summary is the result of all traces.
type Summary struct {
	Passed, Failed int       // traces
	Untested       int       // of those that passed: they expect nothing
	Captures       int       // of the traces that could be read
	Held, Broken   int       // expectations
	Policies       []*Policy // in the order in which they came up
	MinCover       *float64
	CoverSilently  bool
	Top            *replay.Top // nil: it was not asked for
	Errs           []error     // of traces that were not replayed to their end; a policy's comes up once
	Warnings       []error
}

// OK reports whether all traces passed, and enough of each policy was met.
func (s *Summary) OK() bool { return s.Failed == 0 && s.metEnough() }

// run is one run of traces.
type run struct {
	Options
	ctx      context.Context
	reporter Reporter
	policies *Policies
	summary  Summary
}

// Run replays traces one after the other. A trace that fails, or cannot be replayed, is
// part of the result. It is an error if there is a single policy for all traces and it
// cannot be used: then the reporter is not called.
func Run(names []string, o Options, r Reporter) (*Summary, error) {
	return RunContext(context.Background(), names, o, r)
}

// RunContext is Run until the context is done. What is not replayed then has its error.
func RunContext(ctx context.Context, names []string, o Options, r Reporter) (*Summary, error) {
	s := newRun(o, r)
	s.ctx = ctx
	if o.Top {
		s.summary.Top = &replay.Top{}
	}
	if err := s.policies.useOnly(o.Open, o.Policy); err != nil {
		return nil, err
	}
	for _, name := range names {
		result := s.trace(name)
		s.add(result)
		r.End(result)
	}
	s.summary.Policies, s.summary.MinCover, s.summary.CoverSilently = s.policies.inOrder, o.MinCover, o.CoverSilently
	r.Close(&s.summary)
	return &s.summary, nil
}

func newRun(o Options, r Reporter) *run {
	if o.OpenNamed == nil {
		o.OpenNamed = o.Open
	}
	if o.Open == nil {
		o.Open = OpenFile
	}
	return &run{Options: o, ctx: context.Background(), reporter: r, policies: &Policies{Open: o.OpenNamed}}
}

// stdin is the name of standard input.
const stdin = "-"

func (s *run) add(r *Result) {
	if r.Passed() {
		s.summary.Passed++
		if r.TestsNothing() {
			s.summary.Untested++
		}
	} else {
		s.summary.Failed++
	}
	s.summary.Held += r.Held
	s.summary.Broken += r.Failed
	for _, err := range r.Errs {
		known := func(other error) bool { return errors.Is(other, err) }
		if !slices.ContainsFunc(s.summary.Errs, known) {
			s.summary.Errs = append(s.summary.Errs, err)
		}
	}
}

func (s *Summary) metEnough() bool {
	for _, p := range s.Policies {
		if !p.MetEnough(s.MinCover) {
			return false
		}
	}
	return true
}

// stopped is why nothing more is to be done; it looks now and then, as n counts.
func (s *run) stopped(n int) error {
	if n%1024 != 0 {
		return nil
	}
	return s.ctx.Err()
}

// trace replays one trace or capture against its policy.
func (s *run) trace(name string) *Result {
	result := &Result{Name: name}
	if err := s.ctx.Err(); err != nil {
		result.Errs = []error{err}
		return result
	}
	in, err := openInput(s.Open, name)
	if err != nil {
		result.Errs = []error{err}
		return result
	}
	defer in.Close()
	captured, err := in.isCapture()
	switch {
	case err != nil:
		result.Errs = []error{err}
	case captured && s.TextOnly:
		result.Errs = []error{&FaultyCapture{name, errCaptured}}
	case captured:
		s.summary.Captures++
		result.Errs = nonNil(s.replayCapture(in, result))
	default:
		result.Errs = s.replayText(in, result)
	}
	return result
}

// nonNil are the errors among some that may be none.
func nonNil(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// outcomes are those of a trace, and why there are no more.
type outcomes func(see func(replay.Outcome)) error

// play is the one loop of all replays: it hands the outcomes to the reporter.
func (s *run) play(t *Trace, all outcomes, result *Result) error {
	s.reporter.Begin(t)
	return all(func(o replay.Outcome) {
		switch {
		case !o.OK():
			result.Failed++
		case o.Wanted():
			result.Held++
		}
		s.reporter.Outcome(o)
	})
}

// end is when a replay ends.
func (s *run) end() time.Duration {
	if n := len(s.States); n > 0 {
		return s.States[n-1]
	}
	return sim.Never
}

// newPlayer makes a player that counts what the options ask for.
func (s *run) newPlayer(p *Policy) (*replay.Player, error) {
	player, err := replay.NewTicking(p.Result, sim.Clock{HZ: s.HZ, Unknown: true})
	if err != nil {
		return nil, err
	}
	if s.Cover {
		p.covering().Watch(player)
	}
	if s.Top {
		s.summary.Top.Watch(player)
	}
	player.TakeSnapshots(s.States)
	if s.Expiries {
		player.NoteExpiries()
	}
	return player, nil
}

// played takes into account what a player knows at the end.
func (s *run) played(p *Policy, player *replay.Player, result *Result) {
	if s.Cover {
		p.Cover.Ran(player)
	}
	result.States = player.Snapshots()
}
