package main

import (
	"errors"
	"iter"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// survey is what must be known of a trace before it is replayed event by event, however
// long it is.
type survey struct {
	policy  *simPolicy
	known   map[string]bool // the knocks of which something is expected: the policy has them
	asked   replay.Asked
	packets int
	widths  widths // of its table, if one will be printed
}

// survey reads a trace for the first time. What is wrong with it and its policy is told.
func (r *simulation) survey(in *input) (*survey, error) {
	reader, err := in.reader()
	if err != nil {
		return nil, err
	}
	e := reader.Next()
	s := &survey{known: map[string]bool{}}
	policy, noPolicy := r.policies.of(in.name, &trace.Trace{Policy: reader.Policy()})
	if noPolicy == nil {
		s.policy = policy
	}
	var unknown []lang.Finding
	for ; e != nil; e = reader.Next() {
		s.add(e)
		unknown = append(unknown, s.unknown(e)...)
		if r.printsTable() {
			s.widths.fit(e)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, in.readError(err)
	}
	found := append(reader.Findings(), unknown...)
	lang.SortFindings(found)
	r.reportIn(r.err, in.name, in, found)
	if lang.HasErrors(found) {
		return nil, andFault(inputFault(in.name, found), noPolicy)
	}
	return s, noPolicy
}

// add adds an event.
func (s *survey) add(e *trace.Event) {
	s.packets += packets(e)
	s.asked.Add(e)
}

// unknown finds that the policy does not have the knock of which something is expected.
func (s *survey) unknown(e *trace.Event) []lang.Finding {
	if s.policy == nil || e.Expect == nil || s.known[e.Expect.Knock] {
		return nil
	}
	found := replay.Check(&trace.Trace{Events: []trace.Event{*e}}, s.policy.result)
	s.known[e.Expect.Knock] = len(found) == 0
	return found
}

// replayText replays a trace and reports whether its expectations held.
func (r *simulation) replayText(in *input, tests *suite) (held bool, err error) {
	s, err := r.survey(in)
	if err != nil {
		return false, err
	}
	reader, err := in.reader()
	if err != nil {
		return false, err
	}
	var failed error
	events := s.again(reader, &failed)
	var all []trace.Event
	if r.hz != 0 {
		all = hold(events)
		events = pointers(all)
	}
	player, err := r.player(s.policy, all)
	if err != nil {
		return false, err
	}
	if s.asked.Any() {
		player.Explain(s.asked)
	}
	p := r.printer(in.name)
	p.begin(s.widths)
	r.play(player, events, s.packets, p, tests)
	if failed != nil {
		return false, in.readError(failed)
	}
	r.played(in.name, s.policy, player)
	return tests.failed == 0, nil
}

// again gives the events of a trace when it is read for the second time. They end with
// an error if they are others.
func (s *survey) again(reader *trace.Reader, err *error) iter.Seq[*trace.Event] {
	return func(yield func(*trace.Event) bool) {
		left := s.packets
		for e := reader.Next(); e != nil; e = reader.Next() {
			if left -= packets(e); left < 0 || e.Expect != nil && !s.known[e.Expect.Knock] {
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

// hold holds events that are valid for a moment.
func hold(events iter.Seq[*trace.Event]) (all []trace.Event) {
	for e := range events {
		held := *e
		if e.Packet != nil {
			packet := *e.Packet
			held.Packet = &packet
		}
		all = append(all, held)
	}
	return all
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
