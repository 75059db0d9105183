package replay

import (
	"fmt"
	"net/netip"
	"time"

	"knockc/compiler"
	"knockc/lang"
	"knockc/sim"
)

// recorder keeps of the packets what explains why a source is where it is, as far as
// the source is asked about.
type recorder struct {
	policy  *lang.Policy
	asked   *concerns
	symbols *compiler.Symbols
	targets *targets
	knocks  map[string]*lang.Knock
	trails  map[trailKey]*trail
	flows   map[flow]mark // the first packet of each flow that was let in, of pings the latest
	number  int           // of packets
	clock   sim.Clock     // the machine's
}

type trailKey struct {
	knock *lang.Knock
	src   netip.Addr // cut
}

type flow struct {
	src   netip.AddrPort
	proto lang.Proto
	port  uint16 // 0 for pings
}

// Explain makes the outcomes from now on say why they are not what the trace wants,
// for the sources that it asks about. That takes memory for each of these, and for no
// other.
func (p *Player) Explain(asked Asked) {
	p.explain(newConcerns(p.policy, asked), newTargets(p.policy))
}

func (p *Player) explain(asked *concerns, targets *targets) {
	p.recorder = &recorder{
		policy: p.policy, asked: asked, symbols: p.symbols, targets: targets,
		knocks: map[string]*lang.Knock{}, trails: map[trailKey]*trail{}, flows: map[flow]mark{},
		clock: p.clock,
	}
	for _, k := range p.policy.Knocks {
		p.recorder.knocks[k.Name.Text] = k
	}
	p.Watch(p.recorder)
}

// Packet takes note of a packet.
func (r *recorder) Packet(p *sim.Packet, verdict compiler.VerdictKind, changes []sim.Change) {
	r.number++
	if !r.asked.has(p.Src) {
		return
	}
	m, at := r.mark(p), r.targets.of(p)
	ready := make([]bool, len(at.steps))
	for i, l := range at.steps {
		ready[i] = r.trail(l.knock, p.Src).sequence(l.closing).ready(l.knock, l.step, p.Time)
	}
	for _, c := range changes {
		if s, ok := r.symbols.Meaning(c.Set, c.State); ok {
			r.change(s, c, m, at)
		}
	}
	for i, l := range at.steps {
		r.step(l, p, m, ready[i], shuts(at.steps, ready, l.knock))
	}
	if verdict == compiler.Accept && !p.Alone && r.asked.flow(p) {
		r.accepted(p, m)
	}
}

// accepted takes note of a packet that was let in.
func (r *recorder) accepted(p *sim.Packet, m mark) {
	f := flowOf(p)
	if _, known := r.flows[f]; !known || p.Proto == lang.Ping {
		r.flows[f] = m
	}
}

// shuts reports whether the last step of a knock's close sequence is among the
// steps, and ready.
func shuts(steps []listening, ready []bool, k *lang.Knock) bool {
	for i, l := range steps {
		if l.knock == k && l.closing && l.isLast() && ready[i] {
			return true
		}
	}
	return false
}

func (r *recorder) mark(p *sim.Packet) mark {
	m := mark{r.number, p.Time, netip.AddrPortFrom(p.Src, p.SrcPort), p.Proto, p.DstPort, p.Flags}
	if p.Proto == lang.Ping {
		m.to = uint16(p.Length)
	}
	return m
}

func flowOf(p *sim.Packet) flow {
	f := flow{netip.AddrPortFrom(p.Src, p.SrcPort), p.Proto, p.DstPort}
	if p.Proto == lang.Ping {
		f.port = 0
	}
	return f
}

// trail is that of a source to a knock; the address is cut as the knock wants it.
func (r *recorder) trail(k *lang.Knock, src netip.Addr) *trail {
	key := trailKey{k, cut(k, src).Addr()}
	t := r.trails[key]
	if t == nil {
		t = newTrail(k)
		r.trails[key] = t
	}
	return t
}

// cut is what counts as one source.
func cut(k *lang.Knock, src netip.Addr) netip.Prefix {
	bits := k.Per.IPv6
	if src.Is4() {
		bits = k.Per.IPv4
	}
	return netip.PrefixFrom(src, bits).Masked()
}

// change takes note of an element that a packet made, renewed or ended.
func (r *recorder) change(s compiler.Symbol, c sim.Change, by mark, at *target) {
	t := r.trail(r.knocks[s.Knock], c.Src)
	if r.clock.HZ > 0 && t.changed != by.number {
		t.before, t.changed = t.deadlines(), by.number
	}
	sequence, until := t.sequence(s.Role == compiler.Closing), c.Expires
	switch {
	case s.Role == compiler.Grant && c.Ended:
		t.ended, t.ending = by, endingOf(s.Knock, at)
	case s.Role == compiler.Grant:
		t.opened, t.until, t.ended = by, until, mark{}
	case s.Step == 0:
		sequence.begin, sequence.begun = by, until
	case c.Ended:
		step := &sequence.steps[s.Step-1]
		step.until, step.ended = by.at, by
	default:
		step := &sequence.steps[s.Step-1]
		step.done, step.until, step.ended = by, until, mark{}
	}
}

// endingOf is how a packet ended a grant, told from where it went.
func endingOf(knock string, at *target) ending {
	for _, g := range at.services {
		if g.knock.Name.Text == knock {
			return usedUp
		}
	}
	for _, l := range at.steps {
		if l.knock.Name.Text == knock && l.closing && l.isLast() {
			return shut
		}
	}
	return revoked
}

// step takes note of what a packet at a step did to it. The sequence stood ready for
// the step, or did not; shuts says that the packet did the last step of `close`.
func (r *recorder) step(l listening, p *sim.Packet, m mark, ready, shuts bool) {
	t := r.trail(l.knock, p.Src)
	sequence := t.sequence(l.closing)
	sequence.last = m
	why := r.inVain(l, p)
	switch {
	case !l.isLast() && sequence.steps[l.step-1].done.number == m.number:
		return
	case l.isLast() && l.closing && ready && why == "":
		return
	case l.isLast() && !l.closing && t.opened.number == m.number:
		return
	case why == "" && ready && shuts && !l.closing:
		why = "the same packet was the last step of `close`"
	case why == "" && ready:
		why = fmt.Sprintf("a set was full (size %d)", r.policy.Settings.Size)
	}
	sequence.try(l.step, m, why)
}

// inVain is why a packet at a step could not do it, wherever its source stood; ""
// if it could.
func (r *recorder) inVain(l listening, p *sim.Packet) string {
	settings := &r.policy.Settings
	first, known := r.flows[flowOf(p)]
	switch {
	case p.Iface == "lo":
		return "on the loopback interface nothing moves a knock"
	case trusts(settings, p):
		return p.Src.String() + " is trusted and cannot knock"
	case p.Broadcast:
		return "it was a broadcast, which is no attempt"
	case !isAttempt(p):
		return "it was no attempt, which is a SYN without FIN, RST and ACK"
	case known && p.Proto == lang.Ping && p.Time-first.at < pingsTogether:
		return "its identifier is that of the ping at " + seconds(first.at) + ", so it was no attempt"
	}
	switch keepsOut(l.knock, p) {
	case "from":
		return "`from` does not admit " + p.Src.String()
	case "on":
		return "`on` does not admit " + p.Iface
	}
	return ""
}

// pingsTogether is for how long pings of one identifier may be taken for one flow
// by whoever explains: as long as the kernel's default.
const pingsTogether = 30 * time.Second
