package spec

import (
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// source is what one has achieved with a knock.
type source struct {
	opening, closing progress
	open             time.Duration // until which the door stands open
}

// end ends a grant before its time, and the progress towards it.
func (s *source) end() {
	s.open = 0
	s.opening.reset()
}

// progress is how far one has got with a sequence.
type progress struct {
	done  []time.Duration // until which each step but the last counts as done
	begun time.Duration   // until which the latest first step counts, for `total`
}

func newProgress(steps []lang.Step) progress {
	return progress{done: make([]time.Duration, max(len(steps)-1, 0))}
}

func (g *progress) reset() { clear(g.done) }

// furthest is the furthest step that is done, counted from 1; 0 if none.
func (g *progress) furthest(at time.Duration) int {
	for i := len(g.done); i >= 1; i-- {
		if at < g.done[i-1] {
			return i
		}
	}
	return 0
}

// wrong reports whether an attempt goes to none of the steps up to the one after
// the furthest.
func (g *progress) wrong(at time.Duration, steps []lang.Step, p *trace.Packet) bool {
	return !isAt(steps[:min(g.furthest(at)+1, len(steps))], p)
}

// move does the steps that an attempt goes to, and reports whether the last is
// among them. One packet moves each thread by one step at most: the last step
// looks first whether the one before it is done.
func (g *progress) move(at time.Duration, k *lang.Knock, steps []lang.Step, p *trace.Packet) bool {
	completes := false
	for i := len(steps); i >= 1; i-- {
		switch {
		case !goesTo(p, steps[i-1]):
		case i > 1 && (at >= g.done[i-2] || k.Total != 0 && at >= g.begun):
		case i == len(steps):
			completes = true
		default:
			g.done[i-1] = at + k.Within
		}
	}
	if len(steps) > 0 && goesTo(p, steps[0]) {
		g.begun = at + k.Total
	}
	return completes
}
