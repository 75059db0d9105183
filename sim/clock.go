package sim

import (
	"math/bits"
	"time"

	"example.org/knockc/lang"
)

// Clock is the clock of a machine. The zero value is exact. A clock with a rate is like
// the kernel's jiffies: it does not move within a tick, and timeouts are whole ticks.
type Clock struct {
	HZ      int           // how often it ticks in a second; 0: it is exact
	Phase   int64         // how much of a tick is over at time 0, in billionths of a tick
	Collect time.Duration // an instant at which the places of ended elements are freed
	Unknown bool          // Phase and Collect are unknown: results that depend on them have a [Doubt]
}

// perTick is how many units of a phase a tick has, and nanoseconds a second.
const perTick = 1_000_000_000

// last is the last time that there is: what ends later never ends.
const last = Never - 1

// begin is when the tick began that a time lies in, before 0 perhaps; if the clock is
// exact or its phase unknown, it is the time itself.
func (c Clock) begin(t time.Duration) time.Duration {
	if c.HZ == 0 || c.Unknown {
		return min(t, last)
	}
	return min(c.tick(c.ticks(t)), last)
}

// ticks is how often the clock has ticked by a time, which is not before 0.
func (c Clock) ticks(t time.Duration) uint64 {
	hi, lo := bits.Mul64(uint64(t), uint64(c.HZ))
	lo, carry := bits.Add64(lo, uint64(c.Phase), 0)
	n, _ := bits.Div64(hi+carry, lo, perTick)
	return n
}

// tick is the first nanosecond of a tick; [Never] if that is out of reach.
func (c Clock) tick(n uint64) time.Duration {
	hz := uint64(c.HZ)
	if n == 0 {
		return -time.Duration(uint64(c.Phase) / hz)
	}
	hi, lo := bits.Mul64(n, perTick)
	lo, borrow := bits.Sub64(lo, uint64(c.Phase), 0)
	lo, carry := bits.Add64(lo, hz-1, 0)
	if hi += carry - borrow; hi >= hz {
		return Never
	}
	t, _ := bits.Div64(hi, lo, hz)
	return time.Duration(min(t, uint64(Never)))
}

// lasts is how long a timeout lasts, in nanoseconds or, if the clock ticks, in ticks:
// at least one, and whole ones (nf_msecs_to_jiffies64).
func (c Clock) lasts(timeout time.Duration) int64 {
	if c.HZ == 0 || timeout == lang.Forever {
		return int64(timeout)
	}
	return int64(max(1, Clock{HZ: c.HZ}.ticks(timeout)))
}

// end is when a timeout ends that begins at a time. If the phase is unknown it is the
// latest end: that of a timeout which begins with a tick.
func (c Clock) end(t time.Duration, lasts int64) time.Duration {
	switch {
	case c.HZ == 0:
		return after(min(t, last), time.Duration(lasts))
	case c.Unknown:
		return after(min(t, last), Clock{HZ: c.HZ}.tick(uint64(lasts)))
	}
	return c.tick(c.ticks(t) + uint64(lasts))
}

// unknown is how long before its latest end a timeout may end: less than this.
func (c Clock) unknown() time.Duration {
	if !c.Unknown {
		return 0
	}
	return Clock{HZ: c.HZ}.tick(1)
}

// after is the time that comes later by a duration; [Never] if there is none.
func after(t, d time.Duration) time.Duration {
	if t > 0 && d > Never-t {
		return Never
	}
	return t + d
}

// collected is the time before which all that had ended has had its place freed by
// now, in a set that is collected every so often. What ends in the very tick of a
// collection is freed. If nobody knows when sets are collected, it is the earliest such
// time, or a little earlier, so that it does not change with each packet.
func (c Clock) collected(now, every time.Duration) time.Duration {
	if c.Unknown {
		earliest := now - every - 2*c.unknown()
		return earliest - earliest%(every/64)
	}
	over := (now - c.Collect) % every
	if over < 0 {
		over += every
	}
	if c.HZ != 0 {
		over--
	}
	return now - over
}
