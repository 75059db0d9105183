package timeline

import (
	"time"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// Sums count packets in equal times, which get longer as the replay does.
type Sums struct {
	Every  Seconds  `json:"every"`
	Counts []Counts `json:"counts"`

	every time.Duration
}

// maxSums is how many times there are.
const maxSums = 512

// add counts a packet.
func (s *Sums) add(at time.Duration, r replay.Result) {
	if s.every == 0 {
		s.every = time.Millisecond
	}
	for at/s.every >= maxSums {
		s.double()
	}
	for n := int(at / s.every); len(s.Counts) <= n; {
		s.Counts = append(s.Counts, Counts{})
	}
	s.Counts[at/s.every].add(r)
	s.Every = seconds(s.every)
}

// double makes the times twice as long.
func (s *Sums) double() {
	half := (len(s.Counts) + 1) / 2
	for i := range half {
		sum := s.Counts[2*i]
		if 2*i+1 < len(s.Counts) {
			sum.plus(s.Counts[2*i+1])
		}
		s.Counts[i] = sum
	}
	s.Counts = s.Counts[:half]
	s.every *= 2
}

func (c *Counts) add(r replay.Result) {
	switch {
	case r.Depends:
		c.Depends++
	case r.Verdict == trace.Accept:
		c.Accepted++
	case r.Verdict == trace.Pass:
		c.Passed++
	case r.Verdict == trace.Drop:
		c.Dropped++
	default:
		c.Rejected++
	}
}

func (c *Counts) plus(o Counts) {
	c.Accepted += o.Accepted
	c.Passed += o.Passed
	c.Dropped += o.Dropped
	c.Rejected += o.Rejected
	c.Depends += o.Depends
}
