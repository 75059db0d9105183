package main

import (
	"errors"
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
	if o.run != nil {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !o.run.MatchString(name) })
		if len(names) == 0 {
			return usagef("-run: no trace has a name that matches `%s`", o.run)
		}
	}
	if o.junit != nil {
		for _, name := range append([]string{o.policy}, names...) {
			if sameFile(name, *o.junit) {
				return usagef("-junit would overwrite %s", name)
			}
		}
	}
	policies, err := newPolicies(s, o.policy)
	if err != nil {
		return err
	}
	r := &simulation{streams: s, simOptions: o, policies: policies, several: len(names) > 1, first: true}
	if o.tap {
		fmt.Fprintln(s.out, "TAP version 13")
		s.out.Flush()
	}
	err = s.eachFile(names, r.trace)
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return r.end(err)
}

// trace replays one trace and takes it into account.
func (r *simulation) trace(name string) error {
	t := &suite{file: name}
	held, err := r.replay(name, t)
	if err == nil && !held {
		err = errInput
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
	begin(t *trace.Trace)
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

func (noPrinter) begin(*trace.Trace)     {}
func (noPrinter) outcome(replay.Outcome) {}
func (noPrinter) end()                   {}

// replay replays one trace or capture against the policy found for it, and reports
// whether all its expectations held.
func (r *simulation) replay(name string, tests *suite) (held bool, err error) {
	if r.asksForCounts() && !isCaptureFile(name) {
		if counted, err := r.count(name); counted || err != nil {
			return true, err
		}
	}
	if r.streamsEvents() && !isCaptureFile(name) {
		if played, held, err := r.stream(name, tests); played || err != nil {
			return held, err
		}
	}
	src, c, err := r.readTrace(name, r.captured)
	switch {
	case err != nil:
		return false, err
	case c != nil && r.hz != 0:
		c.Close()
		return false, usagef("-hz is for traces: the packets of the capture %s have met a clock already", name)
	case c != nil:
		return true, r.replayCapture(name, c)
	}
	return r.replayText(name, src, tests)
}

func (r *simulation) replayText(name string, src []byte, tests *suite) (held bool, err error) {
	t, found := trace.Parse(src)
	r.report(r.err, name, src, found)
	if lang.HasErrors(found) {
		return false, errInput
	}
	policy, err := r.policies.of(name, t)
	if err != nil {
		return false, err
	}
	found = replay.Check(t, policy.result)
	r.report(r.err, name, src, found)
	if lang.HasErrors(found) {
		return false, errInput
	}
	player, err := r.player(policy, t)
	if err != nil {
		return false, err
	}
	if asked := replay.AskedBy(t.Events); asked.Any() {
		player.Explain(asked)
	}
	p := r.printer(name)
	p.begin(t)
	outcomes := 0
	for i := range t.Events {
		outcomes += packets(&t.Events[i])
	}
	r.play(player, pointers(t.Events), outcomes, p, tests)
	r.played(name, policy, player)
	return tests.failed == 0, nil
}

// pointers are those to the elements.
func pointers(events []trace.Event) iter.Seq[*trace.Event] {
	return func(yield func(*trace.Event) bool) {
		for i := range events {
			if !yield(&events[i]) {
				return
			}
		}
	}
}

// eventPlayer plays events: a [replay.Player] or several at once.
type eventPlayer interface {
	EventUntil(e *trace.Event, end time.Duration, see func(replay.Outcome))
	Explain(asked replay.Asked)
	Standings(at time.Duration) []replay.Standing
}

// player makes what plays a trace: all phases at once, if the clock ticks.
func (r *simulation) player(policy *simPolicy, t *trace.Trace) (eventPlayer, error) {
	if r.hz == 0 {
		player, err := replay.New(policy.result)
		if err == nil {
			r.watch(player, policy)
		}
		return player, err
	}
	phases, err := replay.NewPhases(policy.result, r.hz, t.Events)
	if err == nil && r.cover {
		phases.Cover(policy.covering())
	}
	return phases, err
}

// played does what is to be done behind each replay.
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
