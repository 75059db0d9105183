package replay

import (
	"fmt"
	"net/netip"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// whyExpectation is why an expectation fails.
func (r *recorder) whyExpectation(e *trace.Event) string {
	x := e.Expect
	k := r.knocks[x.Knock]
	a := about{k, x.Src, r.trail(k, x.Src), e.At}
	switch {
	case x.At != nil && x.At.Step >= len(k.Steps):
		return fmt.Sprintf("the last of its %d steps opens the door, so it is never at more than %d", len(k.Steps), len(k.Steps)-1)
	case x.At != nil:
		return a.notAt(x.At.Step)
	case x.State == trace.Open:
		return a.noGrant()
	}
	return a.isOpen()
}

// about is what is to be explained: where a source stands with a knock.
type about struct {
	knock *lang.Knock
	src   netip.Addr
	trail *trail
	at    time.Duration
}

// notAt is why a source is not at a step.
func (a about) notAt(step int) string {
	s := &a.trail.opening
	for i := len(s.steps) - 1; i > step; i-- {
		if t := s.steps[i-1]; t.done.is() && a.at < t.until {
			return fmt.Sprintf("step %d came at %s, its deadline is %s", i, seconds(t.done.at), seconds(t.until))
		}
	}
	return a.story(false, step)
}

// noGrant is why a source has no grant.
func (a about) noGrant() string {
	ended := a.grantEnded()
	if ended == "" {
		return fmt.Sprintf("no grant for %s: %s", a.knock.Name.Text, a.story(false, len(a.knock.Steps)))
	}
	text := fmt.Sprintf("%s is closed: %s", a.knock.Name.Text, ended)
	last := a.trail.opening.last
	if last.number > a.trail.ended.number && (a.trail.ended.is() || last.at >= a.trail.until) {
		text += "; then " + a.story(false, len(a.knock.Steps))
	}
	return text
}

// grantEnded is how the latest grant ended; "" if there was none.
func (a about) grantEnded() string {
	t := a.trail
	switch {
	case !t.opened.is():
		return ""
	case !t.ended.is():
		return "the grant ended at " + seconds(t.until)
	case t.ending == usedUp:
		return fmt.Sprintf("the grant was used up at %s (once)", seconds(t.ended.at))
	case t.ending == shut:
		return fmt.Sprintf("the door was shut at %s by its close sequence", seconds(t.ended.at))
	}
	return fmt.Sprintf("the grant was revoked at %s by %s", seconds(t.ended.at), t.ended)
}

// isOpen is why a door stands open.
func (a about) isOpen() string {
	text := fmt.Sprintf("%s was opened at %s by %s, ", a.knock.Name.Text, seconds(a.trail.opened.at), a.trail.opened)
	if a.trail.until == sim.Never {
		text += "forever"
	} else {
		text += "until " + seconds(a.trail.until)
	}
	if a.trail.closing.last.number > a.trail.opened.number {
		text += "; " + a.story(true, len(a.knock.Close))
	}
	return text
}

// String is the step in words.
func (l listening) String() string {
	return fmt.Sprintf("%s %d of %s", stepWord(l.closing), l.step, l.knock.Name.Text)
}
