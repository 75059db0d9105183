package replay

import (
	"fmt"
	"net/netip"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// recorder keeps the packets that explain how far a source is, if the trace asks about
// the source.
type recorder struct {
	policy  *lang.Policy
	asked   *concerns
	symbols *compiler.Symbols
	targets *targets
	knocks  map[string]*lang.Knock
	trails  map[trailKey]*trail
	flows   map[flow]mark // the first packet of each flow that was let in
	number  int           // of packets
	ready   []bool        // the steps that the latest packet goes to
	machine *sim.Machine
	codes   *codebook
}

type trailKey struct {
	knock *lang.Knock
	src   netip.Addr // cut
}

type flow struct {
	src   netip.AddrPort
	to    netip.Addr // not valid: the host
	proto lang.Proto
	port  uint16 // 0 for pings
}

// Explain makes the outcomes from now on say why they are not what the trace wants, for
// the sources that the trace asks about. That takes memory for each of these sources,
// and for no others.
func (p *Player) Explain(asked Asked) {
	p.recorder = &recorder{
		policy: p.policy, asked: newConcerns(p.policy, asked), symbols: p.symbols, targets: newTargets(p.policy),
		knocks: map[string]*lang.Knock{}, trails: map[trailKey]*trail{}, flows: map[flow]mark{},
		machine: p.machine, codes: p.codes,
	}
	for _, k := range p.policy.Knocks {
		p.recorder.knocks[k.Name.Text] = k
	}
	p.Watch(p.recorder)
}

// Packet notes a packet.
func (r *recorder) Packet(p *sim.Packet, verdict compiler.VerdictKind, changes []sim.Change) {
	r.number++
	asked, flows := r.asked.has(p.Src)
	if !asked {
		return
	}
	m, at, state := markOf(r.number, p), r.targets.of(p), r.machine.Tracked()
	r.ready = r.ready[:0]
	for _, l := range at.steps {
		r.ready = append(r.ready, r.trail(l.knock, p.Src).sequence(l.closing).ready(l.knock, l.step, p.Time))
	}
	for _, c := range changes {
		if s, ok := r.symbols.Meaning(c.Set, c.State); ok {
			r.change(s, c, m, at)
		}
	}
	for i, l := range at.steps {
		r.step(l, p, m, r.inVain(l, p, state), r.ready[i], shuts(at.steps, r.ready, l.knock))
	}
	isFlow := verdict == compiler.Accept || verdict == compiler.Passed && p.Answered
	if isFlow && !p.Alone && flows {
		r.accepted(p, m, state)
	}
}

// accepted takes note of a packet that was let in.
func (r *recorder) accepted(p *sim.Packet, m mark, state compiler.ConnState) {
	f := flowOf(p)
	if _, known := r.flows[f]; !known || state != compiler.StateEstablished {
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

func markOf(number int, p *sim.Packet) mark {
	m := mark{number, p.Time, netip.AddrPortFrom(p.Src, p.SrcPort), p.To, p.Proto, p.DstPort, p.Flags}
	if p.Proto == lang.Ping {
		m.port = uint16(p.Length)
	}
	return m
}

func flowOf(p *sim.Packet) flow {
	f := flow{netip.AddrPortFrom(p.Src, p.SrcPort), p.To, p.Proto, p.DstPort}
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
	sequence, until := t.sequence(s.Role == compiler.Closing), c.Expires
	switch {
	case s.Role == compiler.Grant && c.Ended:
		t.ended, t.ending = by, endingOf(s.Knock, at)
	case s.Role == compiler.Grant:
		t.opened, t.until, t.ended = by, until, mark{}
		if len(sequence.steps) == 1 { // what was tried in vain before explains nothing now
			sequence.steps[0] = trailOfStep{}
		}
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

// step takes note of what a packet at a step did to it, which it could not do if there is
// a reason why. The sequence stood ready for the step, or did not; shuts says that the
// packet did the last step of `close`.
func (r *recorder) step(l listening, p *sim.Packet, m mark, why string, ready, shuts bool) {
	t := r.trail(l.knock, p.Src)
	sequence := t.sequence(l.closing)
	sequence.last = m
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
func (r *recorder) inVain(l listening, p *sim.Packet, state compiler.ConnState) string {
	switch {
	case p.Iface == "lo":
		return "packets on the loopback interface do not move knocks"
	case !r.targets.concerns(l.knock, p):
		return r.notConcerned(l.knock, p)
	case comesFrom(r.policy.Settings.TrustPrefixes, p) >= 0:
		return p.Src.String() + " is trusted and cannot knock"
	case arrivesOn(r.policy.Settings.TrustIfaces, p) >= 0:
		return p.Iface + " is trusted, and nobody there can knock"
	case p.Broadcast:
		return "it was sent to a broadcast or multicast address, so it was not an attempt"
	case p.Proto == lang.UDP && state == compiler.StateEstablished:
		return "it belonged to an established flow, so it was not an attempt"
	case !isAttempt(p, state):
		return "it was not an attempt: an attempt is a SYN without FIN, RST and ACK"
	}
	switch keepsOut(l.knock, p) {
	case "from":
		return "`from` does not admit " + p.Src.String()
	case "on":
		return "`on` does not admit " + p.Iface
	}
	if !l.closing && l.sequence()[l.step-1].Code {
		return r.codes.why(l.knock, p)
	}
	return ""
}

// notConcerned is why a packet that goes on is nothing to a knock.
func (r *recorder) notConcerned(k *lang.Knock, p *sim.Packet) string {
	switch {
	case !r.targets.seen(p):
		return fmt.Sprintf("with `hook input` the policy does not see packets to %s", p.To)
	case len(k.At) == 0:
		return fmt.Sprintf("it went to %s, not to the host", p.To)
	}
	return fmt.Sprintf("it went to %s, which is neither the host nor in `at`", p.To)
}
