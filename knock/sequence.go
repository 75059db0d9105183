// Package knock is the client: it sends the steps of a knock to a host, through sockets
// that anyone may open, and checks whether the door opened. For people without knockc,
// it writes the knock as lines for shells, Python, OpenSSH and knock(1). Begin with a
// [Sequence].
//
// Each step is exactly one packet: the socket of a TCP step is closed as soon as its
// SYN has been sent, before the kernel would send it again. On Windows, it is closed
// after 50ms, so an open port sees a connection. The client does not wait for answers: the
// host answers a step as it answers at any other port, or not at all.
package knock

import (
	"time"

	"example.org/knockc/lang"
)

// Sequence is the steps to send, and the time for them.
type Sequence struct {
	Steps  []lang.Step   // at least one
	Within time.Duration // from one step to the next, less than this; 0: not known
	Total  time.Duration // from the first step to the last, less than this; 0: no limit
	Secret *Secret       // of the step with a one-time code; nil if there is none
}

// usualDelay is long enough for packets not to overtake each other on most ways.
const usualDelay = 200 * time.Millisecond

// LongestDelay is the longest time between two steps, in whole milliseconds, that is
// short enough for the sequence. It is [lang.MaxDuration] if there is no limit.
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

// Delay is the default time between two steps: 200ms, or half of the longest delay if
// that is less.
func (s Sequence) Delay() time.Duration {
	return min(usualDelay, s.comfortable())
}

// Slower is the delay for the try after one with the given delay: twice as long, but at
// most half of the longest delay.
func (s Sequence) Slower(delay time.Duration) time.Duration {
	return max(delay, min(2*delay, s.comfortable()))
}

// comfortable is a delay that leaves packets as much time to be late.
func (s Sequence) comfortable() time.Duration {
	return (s.LongestDelay() / 2).Truncate(time.Millisecond)
}
