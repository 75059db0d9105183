package replay

import (
	"fmt"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/sim"
)

// whyDepends is why what becomes of a packet depends on the tick, or whether what is
// expected at a time holds. The packet is nil for an expectation.
func (p *Player) whyDepends(d *sim.Doubt, packet *sim.Packet, at time.Duration) string {
	tick := time.Second / time.Duration(p.hz)
	switch deadline, known := p.deadlineOf(d); {
	case d.Kind == sim.OfRoom:
		return fmt.Sprintf("a set may have been full (size %d): whether it had room depends on when the kernel frees what has ended, so raise `size`", p.policy.Settings.Size)
	case d.Kind == sim.OfAll:
		return fmt.Sprintf("too much depended on the tick when %s came at %s, so all that comes after it does", markOf(0, &d.Packet), seconds(d.Packet.Time))
	case !known:
		return fmt.Sprintf("a timeout, such as that of an idle flow, ends within one tick of %v: keep what it decides a tick away", tick)
	default:
		what := "this expectation"
		switch {
		case packet != nil && d.Packet == *packet:
			what = "this packet"
		case d.Packet.Src.IsValid():
			what, at = markOf(0, &d.Packet).String(), d.Packet.Time
		}
		return fmt.Sprintf("%s %s and %s at %s are within one tick of %v: it depends on the tick which comes first, so keep them a tick apart",
			deadline, seconds(d.Expires), what, seconds(at), tick)
	}
}

// deadlineOf names the deadline of an element that the policy knows.
func (p *Player) deadlineOf(d *sim.Doubt) (string, bool) {
	s, known := p.symbols.Meaning(d.Set, d.State)
	knock, ofCodes := compiler.KnockOfCodes(d.Set)
	switch {
	case ofCodes:
		return "the end of a code of " + knock, true
	case !known:
		return "", false
	case s.Role == compiler.Grant:
		return "the end of the grant", true
	case s.Step == 0:
		return "the deadline of `total`", true
	}
	return fmt.Sprintf("%s %d's deadline", stepWord(s.Role == compiler.Closing), s.Step), true
}
