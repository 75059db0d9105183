// Package knock is the client: it sends the steps of a knock to a host, by sockets
// that anyone may open, and sees whether the door opened. For those who do not have
// knockc it writes the same as lines for a shell, for OpenSSH and for knock(1).
//
// One packet leaves for each step and no second one: the socket of a TCP step is
// closed as soon as its SYN is on its way, before the kernel would send it again.
// No answer is waited for: a step is answered as the host answers at any other port, or not
// at all.
package knock

import (
	"time"

	"knockc/lang"
)

// Sequence is what is sent, and how much time there is for it.
type Sequence struct {
	Steps  []lang.Step   // at least one
	Within time.Duration // from one step to the next, less than this; 0: not known
	Total  time.Duration // from the first step to the last, less than this; 0: no limit
}

// usualDelay is long enough for packets not to overtake each other on most ways.
const usualDelay = 200 * time.Millisecond

// LongestDelay is the longest time between two steps, in whole milliseconds, with
// which the sequence is in time. It is [lang.MaxDuration] if there is no limit.
func (s Sequence) LongestDelay() time.Duration {
	longest := lang.MaxDuration
	gaps := time.Duration(len(s.Steps) - 1)
	if gaps == 0 {
		return longest
	}
	if s.Within > 0 {
		longest = min(longest, s.Within-1)
	}
	if s.Total > 0 {
		longest = min(longest, (s.Total-1)/gaps)
	}
	return longest.Truncate(time.Millisecond)
}

// Delay is the time between two steps if nobody says otherwise: 200ms, or half of
// the longest if that is less.
func (s Sequence) Delay() time.Duration {
	return min(usualDelay, s.comfortable())
}

// Slower is the delay of the try after one with the given delay: twice as long, but
// not more than half of the longest.
func (s Sequence) Slower(delay time.Duration) time.Duration {
	return max(delay, min(2*delay, s.comfortable()))
}

// comfortable is a delay that leaves packets as much time to be late.
func (s Sequence) comfortable() time.Duration {
	return (s.LongestDelay() / 2).Truncate(time.Millisecond)
}
