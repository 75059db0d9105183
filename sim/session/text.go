package session

import (
	"errors"
	"iter"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// survey is what must be known of a trace before it is replayed event by event, however
// long it is.
type survey struct {
	policy   *Policy
	known    map[string]bool // the knocks of which something is expected: the policy has them
	asked    replay.Asked
	outcomes int
}

// replayText replays a trace.
func (s *run) replayText(in *input, result *Result) error {
	v, err := s.survey(in)
	if err != nil {
		return err
	}
	reader, err := in.reader()
	if err != nil {
		return err
	}
	var failed error
	events := v.again(reader, &failed)
	player, err := s.newPlayer(v.policy)
	if err != nil {
		return err
	}
	if v.asked.Any() {
		player.Explain(v.asked)
	}
	end := s.end()
	err = s.play(&Trace{Name: in.name, Outcomes: v.outcomes}, func(see func(replay.Outcome)) error {
		for e := range events {
			if e.At > end {
				break
			}
			player.EventUntil(e, end, see)
		}
		return failed
	}, result)
	if err != nil {
		return readError(in.name, err)
	}
	s.played(v.policy, player, result)
	return nil
}

// survey reads a trace for the first time.
func (s *run) survey(in *input) (*survey, error) {
	reader, err := in.reader()
	if err != nil {
		return nil, err
	}
	fitter, _ := s.reporter.(Fitter)
	e := reader.Next()
	v := &survey{known: map[string]bool{}}
	policy, noPolicy := s.policies.Of(in.name, reader.Policy())
	if noPolicy == nil {
		v.policy = policy
	}
	var unknown []lang.Finding
	for ; e != nil && len(unknown) <= lang.MaxErrors; e = reader.Next() {
		v.outcomes += e.Outcomes()
		v.asked.Add(e)
		unknown = append(unknown, v.unknown(e)...)
		if fitter != nil {
			fitter.Fit(e)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, errors.Join(readError(in.name, err), noPolicy)
	}
	found := append(reader.Findings(), unknown...)
	lang.SortFindings(found)
	found, _ = lang.FirstErrors(found)
	if faulty := lang.NewFileFindings(in.name, in, found).Err(); faulty != nil {
		if reader.Foreign() {
			return nil, faulty
		}
		return nil, errors.Join(faulty, noPolicy)
	}
	return v, noPolicy
}

// unknown finds that the policy does not have the knock of which something is expected.
func (v *survey) unknown(e *trace.Event) []lang.Finding {
	if v.policy == nil || e.Expect == nil || v.known[e.Expect.Knock] {
		return nil
	}
	found := replay.Check(&trace.Trace{Events: []trace.Event{*e}}, v.policy.Result)
	v.known[e.Expect.Knock] = len(found) == 0
	return found
}

// again gives the events of a trace when it is read for the second time. They end with
// an error if they are others.
func (v *survey) again(reader *trace.Reader, err *error) iter.Seq[*trace.Event] {
	return func(yield func(*trace.Event) bool) {
		left := v.outcomes
		for e := reader.Next(); e != nil; e = reader.Next() {
			if left -= e.Outcomes(); left < 0 || e.Expect != nil && !v.known[e.Expect.Knock] {
				break
			}
			if !yield(e) {
				return
			}
		}
		if *err = reader.Err(); *err == nil && (left != 0 || len(reader.Findings()) > 0) {
			*err = errors.New("the file has changed while it was being read")
		}
	}
}
