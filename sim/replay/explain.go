package replay

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
)

// whyExpectation is why an expectation fails.
func (r *recorder) whyExpectation(e *trace.Event) string {
	x := e.Expect
	k := r.knocks[x.Knock]
	a := about{k, x.Src, r.trail(k, x.Src), e.At, r.clock}
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
	clock sim.Clock
}

// deadline is the one that a packet set, the latest that it can be.
func (a about) deadline(set mark, until time.Duration) string {
	return seconds(a.clock.Latest(set.at, until))
}

// notAt is why a source is not at a step.
func (a about) notAt(step int) string {
	s := &a.trail.opening
	for i := len(s.steps) - 1; i > step; i-- {
		if t := s.steps[i-1]; t.done.is() && a.at < t.until {
			return fmt.Sprintf("step %d came at %s, its deadline is %s", i, seconds(t.done.at), a.deadline(t.done, t.until))
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
		return "the grant ended at " + a.deadline(t.opened, t.until)
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
		text += "for ever"
	} else {
		text += "until " + a.deadline(a.trail.opened, a.trail.until)
	}
	if a.trail.closing.last.number > a.trail.opened.number {
		text += "; " + a.story(true, len(a.knock.Close))
	}
	return text
}

// whyVerdict is why a packet's verdict is not the one that is wanted.
func (r *recorder) whyVerdict(p *sim.Packet, want, got string) string {
	switch {
	case got == string(trace.Accept):
		return r.whyAccepted(p)
	case want == string(trace.Accept):
		return r.whyRefused(p)
	case got == string(trace.Reject):
		return "`refuse reject` answers what is refused"
	}
	at := r.targets.of(p)
	switch {
	case len(at.steps) == 0 && len(at.services) == 0:
		return "no rule decided: `default drop` never rejects"
	case r.policy.Settings.RefuseReject:
		return "an invalid segment with ack is dropped, as it may belong to a living connection"
	}
	return "what the policy refuses is dropped, since it has no `refuse reject`"
}

// whyRefused is why a packet was not accepted.
func (r *recorder) whyRefused(p *sim.Packet) string {
	at := r.targets.of(p)
	switch {
	case len(at.steps) > 0 && p.Proto != lang.Ping:
		return "it goes to " + at.steps[0].String() + ", and steps are always refused"
	case len(at.services) > 0 && !isAttempt(p):
		return "it is no attempt, and belongs to no flow that is established"
	case len(at.services) > 0:
		return r.noGrants(p, at.services)
	}
	return "neither a knock nor `open` has this port: `default drop`"
}

// String is the step in words.
func (l listening) String() string {
	return fmt.Sprintf("%s %d of %s", stepWord(l.closing), l.step, l.knock.Name.Text)
}

// noGrants is why none of the knocks that guard a service lets a packet in.
func (r *recorder) noGrants(p *sim.Packet, services []guarded) string {
	var texts []string
	for i, g := range services {
		if i == maxReasons {
			texts = append(texts, fmt.Sprintf("and %d more knocks", len(services)-i))
			break
		}
		texts = append(texts, about{g.knock, p.Src, r.trail(g.knock, p.Src), p.Time, r.clock}.noGrant())
	}
	return strings.Join(texts, "; ")
}

// maxReasons is of how many knocks it is said why they have no grant.
const maxReasons = 3

// whyAccepted is why a packet was accepted.
func (r *recorder) whyAccepted(p *sim.Packet) string {
	at := r.targets.of(p)
	first, established := r.flows[flowOf(p)]
	established = established && first.number < r.number
	switch {
	case p.Iface == "lo":
		return "on the loopback interface everything is accepted"
	case trusts(&r.policy.Settings, p) && len(at.services) > 0:
		return "its source or interface is trusted"
	case established && (len(at.steps) > 0 || len(at.services) > 0):
		if text := r.granted(p, at.services); text != "" && isAttempt(p) {
			return text
		}
		return "its flow is established since " + seconds(first.at)
	case len(at.services) > 0:
		return r.granted(p, at.services)
	case at.open >= 0:
		return fmt.Sprintf("%s is open to everyone", r.policy.Settings.OpenToAll()[at.open])
	case p.Proto == lang.Ping:
		return "pings are never refused, not even where they move a knock"
	case r.policy.Settings.DefaultDrop:
		return "it belongs to what `default drop` accepts always"
	case len(at.steps) > 0:
		return "it comes from whom the policy trusts: to a step, `default accept` decides"
	}
	return "no knock has this port: `default accept`"
}

// granted names the grant that let an attempt in; "" if there is none.
func (r *recorder) granted(p *sim.Packet, services []guarded) string {
	for _, g := range services {
		if t := r.trail(g.knock, p.Src); t.open(p.Time, r.number) {
			return about{g.knock, p.Src, t, p.Time, r.clock}.isOpen()
		}
	}
	return ""
}
