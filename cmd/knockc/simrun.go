package main

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/replay"
)

// simulation is one call of `knockc sim`.
type simulation struct {
	*streams
	*simOptions
	kept     map[string]kept // by name
	policies *policies
	several  bool
	first    bool   // no trace was printed yet
	total    totals // of all traces
	suites   []*suite
	tapped   int // tests that were printed as TAP
	counts   replay.Top
}

// simulate replays traces.
func simulate(s *streams, names []string, o *simOptions) error {
	chosen := names
	if o.run != nil {
		chosen = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !o.run.MatchString(name) })
		if len(chosen) == 0 {
			return usagef("-run: no trace has a name that matches `%s`", o.run)
		}
	}
	r := &simulation{streams: s, simOptions: o, kept: map[string]kept{}, several: len(chosen) > 1, first: true}
	if err := r.refuse(names, chosen); err != nil {
		return err
	}
	var err error
	if r.policies, err = newPolicies(s, o.policy); err != nil {
		return err
	}
	if o.tap {
		fmt.Fprintln(s.out, "TAP version 13")
		s.out.Flush()
	}
	return r.end(s.eachFile(chosen, r.trace))
}

// errExpectation is errInput for an expectation that failed.
var errExpectation = fmt.Errorf("%w: an expectation failed", errInput)

// trace replays one trace and takes it into account.
func (r *simulation) trace(name string) error {
	t := &suite{file: name}
	held, err := r.replay(name, t)
	if err == nil && !held {
		err = errExpectation
	}
	r.total.trace(t, err == nil)
	if r.asksForTests() {
		r.tested(t, t.replayed(err))
		r.suites = append(r.suites, t)
	}
	return err
}

// printer shows the outcomes of one trace.
type printer interface {
	begin(w widths)
	outcome(replay.Outcome)
	end()
}

func (r *simulation) printer(name string) printer {
	defer func() { r.first = false }()
	switch {
	case r.json:
		return &jsonPrinter{out: r.out, file: name, several: r.several, failuresOnly: r.state != nil}
	case r.tap:
		return noPrinter{}
	}
	return &tablePrinter{
		out: r.out, file: lang.Printable(name), color: r.outColor, titled: r.several, first: r.first,
		quiet: r.quiet || r.state != nil, failuresOnly: r.state != nil,
	}
}

// noPrinter shows nothing.
type noPrinter struct{}

func (noPrinter) begin(widths)           {}
func (noPrinter) outcome(replay.Outcome) {}
func (noPrinter) end()                   {}

// replay replays one trace or capture against the policy found for it, and reports
// whether all its expectations held.
func (r *simulation) replay(name string, tests *suite) (held bool, err error) {
	in, err := r.open(name)
	if err != nil {
		return false, err
	}
	defer in.Close()
	if in.isCapture() {
		return true, r.replayCapture(in, tests)
	}
	if r.asksForCounts() {
		if counted, err := r.count(in); counted || err != nil {
			return true, err
		}
	}
	return r.replayText(in, tests)
}

// eventPlayer plays events: a [replay.Player] or several at once.
type eventPlayer interface {
	EventUntil(e *trace.Event, end time.Duration, see func(replay.Outcome))
	Explain(asked replay.Asked)
	Standings(at time.Duration) []replay.Standing
}

// player makes what plays a trace: all phases at once, if the clock ticks. Those depend
// on all events.
func (r *simulation) player(policy *simPolicy, held []trace.Event) (eventPlayer, error) {
	if r.hz == 0 {
		player, err := replay.New(policy.result)
		if err == nil {
			r.watch(player, policy)
		}
		return player, err
	}
	phases, err := replay.NewPhases(policy.result, r.hz, held)
	if err == nil && r.cover {
		phases.Cover(policy.covering())
	}
	return phases, err
}

// played does what is to be done after each replay.
func (r *simulation) played(name string, policy *simPolicy, player eventPlayer) {
	switch player := player.(type) {
	case *replay.Phases:
		r.noteUntried(name, player)
	case *replay.Player:
		if r.cover {
			policy.cover.Ran(player)
		}
	}
	if r.state != nil {
		r.printState(name, player.Standings(*r.state))
	}
}

// noteUntried says if not all phases of the clock were tried.
func (r *simulation) noteUntried(name string, phases *replay.Phases) {
	if tried, of := phases.Tried(); tried < of {
		fmt.Fprintf(r.err, "%s: note: %d of %d phases of the clock were tried: what is said may still depend on the tick; shorter traces have fewer\n",
			lang.Printable(name), tried, of)
	}
}

// watch counts what the options ask for.
func (r *simulation) watch(player *replay.Player, policy *simPolicy) {
	if r.cover {
		policy.covering().Watch(player)
	}
	if r.top > 0 {
		r.counts.Watch(player)
	}
}

// printsTable reports whether each packet has a row in a table.
func (o *simOptions) printsTable() bool { return !o.quiet && !o.tap && !o.json && o.state == nil }

// until is when a replay ends.
func (r *simulation) until() time.Duration {
	if r.state != nil {
		return *r.state
	}
	return sim.Never
}

// play plays the events, which will have as many outcomes.
func (r *simulation) play(player eventPlayer, events iter.Seq[*trace.Event], outcomes int, p printer, tests *suite) {
	end, bar := r.until(), r.progressBar(outcomes)
	see := func(o replay.Outcome) {
		bar.step()
		if !o.OK() {
			bar.stop() // it would stand among the failures
		}
		tests.count(o)
		if r.asksForTests() && isTest(o) {
			r.tested(tests, testOf(o))
		}
		p.outcome(o)
	}
	for e := range events {
		if e.At > end {
			break
		}
		player.EventUntil(e, end, see)
	}
	bar.stop()
	p.end()
}

// end prints what is to be said of all traces, and returns the worst that happened.
func (r *simulation) end(err error) error {
	comment := ""
	if r.tap {
		comment = "# "
	}
	if r.several && !r.json && !r.tap && r.state == nil {
		if !r.quiet {
			fmt.Fprintln(r.out)
		}
		fmt.Fprintln(r.out, r.total.String(r.outColor))
	}
	if r.top > 0 {
		r.printTop(comment)
	}
	if r.cover && !r.printCovers(comment) && err == nil {
		err = errInput
	}
	if r.tap {
		fmt.Fprintf(r.out, "1..%d\n", r.tapped)
	}
	if r.junit != nil {
		if failed := r.write(*r.junit, junit(r.suites), 0o644); failed != nil {
			return failed
		}
	}
	return err
}
