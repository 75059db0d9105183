package session

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// MissingPolicy is the error for a trace whose policy is not there.
type MissingPolicy struct {
	Trace string
	Line  int // that names the policy; 0: none does
	Err   error
}

func (e *MissingPolicy) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.Trace, e.Line, e.Err)
	}
	return fmt.Sprintf("%s names no policy: %v", e.Trace, e.Err)
}

func (e *MissingPolicy) Unwrap() error { return e.Err }

// survey is what must be known of a trace before it is replayed event by event, however
// long it is.
type survey struct {
	policy   *Policy
	known    map[replay.Named]bool // what the trace names: the policy has it
	asked    replay.Asked
	outcomes int
	start    int64 // in Unix time
}

// replayText replays a trace.
func (s *run) replayText(in *input, result *Result) []error {
	v, errs := s.survey(in, result)
	if len(errs) > 0 {
		return errs
	}
	player, err := s.newPlayer(v.policy)
	if err != nil {
		return []error{err}
	}
	player.StartAt(time.Unix(v.start, 0))
	if v.asked.Any() {
		player.Explain(v.asked)
	}
	end := s.end()
	err = s.play(&Trace{Name: in.name, Outcomes: v.outcomes, Events: v.ahead(in)}, func(see func(replay.Outcome)) error {
		var failed error
		n := 0
		for e := range v.again(in, &failed) {
			if err := s.stopped(n); err != nil {
				return err
			}
			n++
			if e.At > end {
				break
			}
			player.EventUntil(e, end, see)
		}
		return failed
	}, result)
	if s.ctx.Err() != nil {
		return []error{s.ctx.Err()}
	} else if err != nil {
		return []error{readError(in.name, err)}
	}
	s.played(v.policy, player, result)
	return nil
}

// survey reads a trace for the first time. It may be at fault, and its policy too.
func (s *run) survey(in *input, result *Result) (*survey, []error) {
	reader, err := in.reader()
	if err != nil {
		return nil, []error{err}
	}
	e := reader.Next()
	v := &survey{known: map[replay.Named]bool{}}
	policy, noPolicy := s.policies.Of(in.name, reader.Policy())
	if noPolicy == nil {
		v.policy = policy
	} else if errors.Is(noPolicy, fs.ErrNotExist) && s.Policy == "" {
		missing := &MissingPolicy{Trace: in.name, Err: noPolicy}
		if named := reader.Policy(); named != nil {
			missing.Line = named.Span.Start.Line
		}
		noPolicy = missing
	}
	if policy != nil {
		result.Policy = policy.File
	}
	v.start = reader.Start()
	var unknown []lang.Finding
	for n := 0; e != nil && len(unknown) <= lang.MaxErrors; e = reader.Next() {
		if err := s.stopped(n); err != nil {
			return nil, []error{err}
		}
		n++
		v.outcomes += e.Outcomes()
		v.asked.Add(e)
		unknown = append(unknown, v.unknown(e)...)
	}
	if err := reader.Err(); err != nil {
		return nil, nonNil(readError(in.name, err), noPolicy)
	}
	found := append(reader.Findings(), unknown...)
	lang.SortFindings(found)
	found, _ = lang.FirstErrors(found)
	result.Findings = found
	if faulty := lang.NewFileFindings(in.name, in, found).Err(); faulty != nil {
		if reader.Foreign() {
			return nil, []error{faulty}
		}
		return nil, nonNil(faulty, noPolicy)
	}
	for _, f := range found {
		s.summary.Warnings = append(s.summary.Warnings, fmt.Errorf("%s:%d: %s: did you mean %s?", in.name, f.Span.Start.Line, f.Message, f.Hint))
	}
	return v, nonNil(noPolicy)
}

// unknown finds that the policy does not have what an event names.
func (v *survey) unknown(e *trace.Event) []lang.Finding {
	name := replay.KnockOf(e)
	if v.policy == nil || name.Knock == "" || v.known[name] {
		return nil
	}
	found := replay.Check(&trace.Trace{Events: []trace.Event{*e}}, v.policy.Result)
	name.Knock = strings.Clone(name.Knock) // the event is valid only until the next
	v.known[name] = len(found) == 0
	return found
}

// ahead gives the events of a trace to a reporter. If they are others now, the replay will
// end with an error.
func (v *survey) ahead(in *input) iter.Seq[*trace.Event] {
	var failed error
	return v.again(in, &failed)
}

// again reads a trace again and gives its events. They end with an error if they are
// others.
func (v *survey) again(in *input, err *error) iter.Seq[*trace.Event] {
	return func(yield func(*trace.Event) bool) {
		reader, left, changed := in.again(), v.outcomes, false
		for e := reader.Next(); e != nil; e = reader.Next() {
			left -= e.Outcomes()
			name := replay.KnockOf(e)
			if changed = left < 0 || name.Knock != "" && !v.known[name]; changed {
				break
			}
			if !yield(e) {
				return
			}
		}
		if *err = reader.Err(); *err == nil && (changed || left != 0 || lang.HasErrors(reader.Findings())) {
			*err = errors.New("the file has changed while it was being read")
		}
	}
}
