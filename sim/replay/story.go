package replay

import (
	"fmt"

	"example.org/knockc/lang"
)

// story tells how a source's latest try at a sequence went, and why the goal, a
// step, was not reached.
func (a about) story(closing bool, goal int) string {
	s, steps := a.trail.sequence(closing), a.knock.Steps
	if closing {
		steps = a.knock.Close
	}
	word := stepWord(closing)
	at := min(s.furthest(), goal)
	if at == 0 {
		return a.neverBegun(s, steps, word)
	}
	t := s.steps[at-1]
	text := fmt.Sprintf("%s %d came at %s", word, at, seconds(t.done.at))
	if t.ended.is() {
		return text + a.endedBy(t) + later(s, at, word, t.ended.number)
	}
	until, over := t.until, "its deadline"
	if a.knock.Total != 0 && s.begun < until {
		until, over = s.begun, "the total of "+lang.FormatDuration(a.knock.Total)
	}
	passed := fmt.Sprintf(", %s passed at %s", over, seconds(until))
	switch next := s.steps[min(at, len(s.steps)-1)].vain; {
	case at == goal && until <= a.at:
		return text + passed
	case at == goal:
		return text
	case next.number > t.done.number && s.steps[at].why != "":
		return text + later(s, at, word, t.done.number)
	case next.number > t.done.number && next.at >= until:
		return text + passed + later(s, at, word, t.done.number)
	case next.is() && next.number < t.done.number:
		if until > a.at {
			passed = ""
		}
		return fmt.Sprintf("%s%s, %s %d came before it, at %s", text, passed, word, at+1, seconds(next.at))
	case until <= a.at:
		return fmt.Sprintf("%s%s, %s %d (%s) never came", text, passed, word, at+1, steps[at])
	}
	return fmt.Sprintf("%s, %s %d (%s) has not come yet", text, word, at+1, steps[at])
}

// endedBy is what ended a step before its time.
func (a about) endedBy(t trailOfStep) string {
	if g := a.trail.ended; g.number == t.ended.number {
		return ", and ended with the grant at " + seconds(g.at)
	}
	if lastOf(a.knock.Close, t.ended) {
		return fmt.Sprintf(", and ended with the close sequence at %s", seconds(t.ended.at))
	}
	return fmt.Sprintf(", and was reset at %s by %s", seconds(t.ended.at), t.ended)
}

// later is the attempt at the next step, if it came after a packet.
func later(s *trailOfSequence, at int, word string, number int) string {
	if at >= len(s.steps) {
		return ""
	}
	next := s.steps[at]
	if next.vain.number <= number {
		return ""
	}
	text := fmt.Sprintf(", %s %d came at %s", word, at+1, seconds(next.vain.at))
	if next.why != "" {
		text += ", but " + next.why
	}
	return text
}

// neverBegun is why not even the first step was done.
func (a about) neverBegun(s *trailOfSequence, steps []lang.Step, word string) string {
	of := a.knock.Name.Text
	if first := s.steps[0]; first.vain.is() {
		return fmt.Sprintf("%s 1 came at %s, but %s", word, seconds(first.vain.at), first.why)
	}
	for i := len(s.steps) - 1; i > 0; i-- {
		t := s.steps[i]
		switch {
		case !t.vain.is():
		case t.why != "":
			return fmt.Sprintf("%s %d came at %s, but %s", word, i+1, seconds(t.vain.at), t.why)
		default:
			return fmt.Sprintf("%s %d came at %s, %s 1 (%s) never came before", word, i+1, seconds(t.vain.at), word, steps[0])
		}
	}
	src := cut(a.knock, a.src)
	if src.IsSingleIP() {
		return fmt.Sprintf("no packet of %s ever reached %s 1 of %s (%s)", src.Addr(), word, of, steps[0])
	}
	return fmt.Sprintf("no packet of %s ever reached %s 1 of %s (%s)", src, word, of, steps[0])
}

func stepWord(closing bool) string {
	if closing {
		return "close step"
	}
	return "step"
}

// lastOf reports whether a packet went to the last of the steps.
func lastOf(steps []lang.Step, m mark) bool {
	if len(steps) == 0 {
		return false
	}
	return goesTo(steps[len(steps)-1], m)
}

// goesTo reports whether a packet went to a step's destination.
func goesTo(s lang.Step, m mark) bool {
	if s.Proto != m.proto {
		return false
	}
	if s.Proto == lang.Ping {
		return s.Length == lang.AnyLength || s.Length == int(m.port)
	}
	return s.Port == m.port
}
