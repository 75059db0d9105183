package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"knockc/lang/trace"
	"knockc/sim/replay"
)

// streamsEvents reports whether a trace can be replayed event by event, as nothing that
// is asked for needs to know all of it. A table's columns do, and the phases of a clock.
func (o *simOptions) streamsEvents() bool {
	return o.hz == 0 && (o.quiet || o.tap || o.json || o.state != nil)
}

// survey is what must be known of a trace before it is replayed event by event.
type survey struct {
	policy  *trace.Policy
	knocks  map[string]trace.Event // the first expectation of each
	asked   replay.Asked
	packets int
}

// surveyTrace reads a trace for the first time; nil if it has errors.
func surveyTrace(f io.Reader) *survey {
	reader, s := trace.NewReader(f), &survey{knocks: map[string]trace.Event{}}
	for e := reader.Next(); e != nil; e = reader.Next() {
		s.packets += packets(e)
		s.asked.Add(e)
		if x := e.Expect; x != nil && s.knocks[x.Knock].Expect == nil {
			s.knocks[x.Knock] = *e
		}
	}
	if s.policy = reader.Policy(); len(reader.Findings()) > 0 || reader.Err() != nil {
		return nil
	}
	return s
}

// fits reports whether a policy has all knocks of which something is expected.
func (s *survey) fits(policy *simPolicy) bool {
	var t trace.Trace
	for _, e := range s.knocks {
		t.Events = append(t.Events, e)
	}
	return len(replay.Check(&t, policy.result)) == 0
}

// stream replays a trace in a regular file without holding it, however long it is, and
// reports whether its expectations held. If it cannot, or if the trace has errors, it
// has done nothing: that is to be told by who reads it whole.
func (r *simulation) stream(name string, tests *suite) (played, held bool, err error) {
	info, err := os.Stat(name)
	if name == stdio || err != nil || !info.Mode().IsRegular() {
		return false, false, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return false, false, nil
	}
	defer f.Close()
	s := surveyTrace(f)
	if s == nil {
		return false, false, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, false, nil
	}
	policy, err := r.policies.of(name, &trace.Trace{Policy: s.policy})
	if err != nil || !s.fits(policy) {
		return false, false, err
	}
	player, err := replay.New(policy.result)
	if err != nil {
		return false, false, err
	}
	r.watch(player, policy)
	if s.asked.Any() {
		player.Explain(s.asked)
	}
	reader, p := trace.NewReader(f), r.printer(name)
	p.begin(&trace.Trace{})
	r.play(player, s.again(reader, &err), s.packets, p, tests)
	if err != nil {
		return true, false, fmt.Errorf("cannot read %s: %w", name, reason(err))
	}
	r.played(name, policy, player)
	return true, tests.failed == 0, nil
}

// again gives the events of a trace when it is read for the second time. They end with
// an error if they are others.
func (s *survey) again(reader *trace.Reader, err *error) iter.Seq[*trace.Event] {
	return func(yield func(*trace.Event) bool) {
		left := s.packets
		for e := reader.Next(); e != nil; e = reader.Next() {
			if left -= packets(e); left < 0 || e.Expect != nil && s.knocks[e.Expect.Knock].Expect == nil {
				break
			}
			if !yield(e) {
				return
			}
		}
		if *err = reader.Err(); *err == nil && (left != 0 || len(reader.Findings()) > 0) {
			*err = errors.New("it has changed while it was read")
		}
	}
}
