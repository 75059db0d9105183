package replay

import (
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// mark is a packet that mattered, and when it came.
type mark struct {
	number int // from 1, in the order of the packets; 0: there was none
	at     time.Duration
	src    netip.AddrPort
	to     netip.Addr // not valid: the host
	proto  lang.Proto
	port   uint16 // or the length of a ping
	flags  lang.Flags
}

func (m mark) is() bool { return m.number > 0 }

// String is the packet as written in a trace.
func (m mark) String() string {
	p := trace.Packet{Src: m.src.Addr(), SrcPort: m.src.Port(), Proto: m.proto, DstPort: m.port, Flags: m.flags}
	if m.proto == lang.Ping {
		p.Ping = &trace.Ping{Length: m.port}
	}
	if m.to.IsValid() {
		p.To = &trace.To{Addr: m.to}
	}
	return p.Source() + " -> " + p.Destination()
}

// trail is what a source did to a knock, if it explains the present.
type trail struct {
	opening, closing trailOfSequence
	opened           mark          // the latest packet that opened the door
	until            time.Duration // the end of that grant's time
	ended            mark          // what ended the grant early
	ending           ending
}

// ending is how a grant can end before its time.
type ending int

const (
	usedUp  ending = iota // by `once`
	shut                  // by the `close` sequence
	revoked               // by a wrong attempt
)

// trailOfSequence is what a source did of a sequence.
type trailOfSequence struct {
	steps []trailOfStep // the last step is never done: it opens or shuts
	begin mark          // the latest first step, if there is a total
	begun time.Duration // until when that counts
	last  mark          // the latest packet at any of the steps
}

// trailOfStep is what became of a step.
type trailOfStep struct {
	done  mark          // the latest time it was done
	until time.Duration // when that ceases or ceased to count
	ended mark          // what ended it before its time
	vain  mark          // the first attempt since the step before was done that did not do it
	why   string        // why not, if it was no matter of order and time
}

func newTrail(k *lang.Knock) *trail {
	return &trail{
		opening: trailOfSequence{steps: make([]trailOfStep, len(k.Steps))},
		closing: trailOfSequence{steps: make([]trailOfStep, len(k.Close))},
	}
}

// sequence is the trail of one of the knock's sequences.
func (t *trail) sequence(closing bool) *trailOfSequence {
	if closing {
		return &t.closing
	}
	return &t.opening
}

// open reports whether the door stands open, or stood before the packet of the
// given number ended that.
func (t *trail) open(at time.Duration, number int) bool {
	return t.opened.is() && at < t.until && (!t.ended.is() || t.ended.number == number)
}

// ready reports whether all is done that a step needs to be done.
func (s *trailOfSequence) ready(k *lang.Knock, step int, at time.Duration) bool {
	return step == 1 || at < s.steps[step-2].until && (k.Total == 0 || at < s.begun)
}

// try notes an attempt at a step that did not do it. The first one since the step
// before was done tells most, of those at the first step the latest.
func (s *trailOfSequence) try(step int, m mark, why string) {
	t := &s.steps[step-1]
	old := step > 1 && t.vain.is() && (t.why != "") == (why != "") && t.vain.number > s.steps[step-2].done.number
	if !old {
		t.vain, t.why = m, why
	}
}

// furthest is the furthest step of the latest try; 0 if the first was never done.
func (s *trailOfSequence) furthest() int {
	if len(s.steps) < 2 || !s.steps[0].done.is() {
		return 0
	}
	for i := len(s.steps) - 1; i > 1; i-- {
		if t := s.steps[i-1]; t.done.is() && t.until > s.steps[0].done.at {
			return i
		}
	}
	return 1
}

// seconds is a time as the table shows it.
func seconds(at time.Duration) string {
	if at == sim.Never {
		return "forever"
	}
	return fmt.Sprintf("%ss", lang.FormatSeconds(at))
}
