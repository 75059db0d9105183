package replay

import (
	"fmt"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// whyVerdict is why a packet's verdict is not the one that is wanted.
func (r *recorder) whyVerdict(p *sim.Packet, want, got trace.Verdict) string {
	state := r.machine.Tracked()
	switch text := ""; got {
	case trace.Accept:
		if p.Answered {
			text = "an accepted packet is answered anyway, so leave `answered` out: "
		}
		return text + r.whyAccepted(p, state)
	case trace.Pass:
		return r.whyPassed(p)
	default:
		if p.Answered {
			text = "`answered` is for a packet that passes: "
		}
		return text + r.whyNotIn(p, state, want, got)
	}
}

// whyNotIn is why a packet was dropped or rejected.
func (r *recorder) whyNotIn(p *sim.Packet, state compiler.ConnState, want, got trace.Verdict) string {
	switch {
	case want == trace.Drop:
		return "`refuse reject` answers refused packets"
	case want == trace.Reject:
		return r.whyNotRejected(p, state)
	}
	return r.whyRefused(p, state)
}

// whyAccepted is why a packet was accepted.
func (r *recorder) whyAccepted(p *sim.Packet, state compiler.ConnState) string {
	services, open := r.targets.servicesOf(p), r.targets.openFor(p)
	switch {
	case p.Iface == "lo":
		return "packets on the loopback interface are always accepted"
	case state == compiler.StateEstablished && !isSYN(p) && p.Proto != lang.Ping:
		return r.inFlow(p)
	case trusts(&r.policy.Settings, p) && r.targets.offers(p):
		return "its source or interface is trusted"
	case open != nil && open.declaration.ForAll():
		return fmt.Sprintf("%s is open to everyone", open.service)
	case open != nil:
		return lang.Quote(open.String()) + " admits it"
	case len(services) > 0:
		return r.granted(p, services)
	case p.Proto == lang.Ping:
		return "`default drop` accepts pings"
	case state == compiler.StateEstablished:
		return r.inFlow(p)
	}
	return "`default drop` always accepts such packets"
}

// inFlow says since when a packet's flow has been established.
func (r *recorder) inFlow(p *sim.Packet) string {
	if first, known := r.flows[flowOf(p)]; known {
		return "its flow has been established since " + seconds(first.at)
	}
	return "its flow is established"
}

// granted names the grant that let an attempt in; "" if there is none.
func (r *recorder) granted(p *sim.Packet, services []guarded) string {
	for _, g := range services {
		if t := r.trail(g.knock, p.Src); t.open(p.Time, r.number) {
			return about{g.knock, p.Src, t, p.Time}.isOpen()
		}
	}
	return ""
}

// whyPassed is why no rule decided about a packet that was to be refused.
func (r *recorder) whyPassed(p *sim.Packet) string {
	at := r.targets.of(p)
	switch {
	case !r.targets.seen(p):
		return fmt.Sprintf("with `hook input` the policy does not see packets to %s", p.To)
	case p.Proto == lang.Ping:
		return "pings are never refused: write => pass"
	case len(r.targets.stepsOf(p)) > 0:
		return "steps are not refused any more: write => pass"
	case trusts(&r.policy.Settings, p):
		return "its source or interface is trusted, and no knock guards this port at " + where(p)
	case len(at.steps) > 0 || len(at.services) > 0:
		return "no knock has this port at " + where(p)
	case p.GoesOn():
		return fmt.Sprintf("no knock has this port, and `default` does not apply to %s", p.To)
	}
	return "no knock has this port: `default accept`"
}

// where is what a packet is addressed to.
func where(p *sim.Packet) string {
	if p.To.IsValid() {
		return p.To.String()
	}
	return "the host"
}

// whyRefused is why a packet was refused that was to be let in, or to pass.
func (r *recorder) whyRefused(p *sim.Packet, state compiler.ConnState) string {
	at, services, notOpen := r.targets.of(p), r.targets.servicesOf(p), r.notOpen(p)
	switch {
	case len(services) > 0 && p.Broadcast:
		return "it was sent to a broadcast or multicast address, so it is not an attempt"
	case len(services) > 0 && !isAttempt(p, state):
		return "it is not an attempt, and it does not belong to an established flow"
	case len(services) > 0 && state == compiler.StateEstablished:
		return "a SYN is an attempt even in an established flow; " + notOpen + r.noGrants(p, services)
	case len(services) > 0:
		return notOpen + r.noGrants(p, services)
	case len(at.steps) > 0:
		return fmt.Sprintf("it goes to %s, and `default drop` drops it as at any other port", at.steps[0])
	case len(at.services) > 0:
		return notOpen + "no knock has this port at the host: `default drop`"
	case notOpen != "":
		return notOpen + "`default drop` drops it"
	}
	return "neither a knock nor `open` has this port: `default drop`"
}

// notOpen says which `open` declarations do not admit a packet to one of their services;
// "" if there are none. They apply only to the host.
func (r *recorder) notOpen(p *sim.Packet) string {
	if p.GoesOn() {
		return ""
	}
	var b strings.Builder
	for _, o := range r.targets.of(p).opens {
		fmt.Fprintf(&b, "%s does not admit it; ", lang.Quote(o.String()))
	}
	return b.String()
}

// noGrants is why none of the knocks that guard a service lets a packet in.
func (r *recorder) noGrants(p *sim.Packet, services []guarded) string {
	var texts []string
	for i, g := range services {
		if i == maxReasons {
			texts = append(texts, fmt.Sprintf("and %d more knocks", len(services)-i))
			break
		}
		texts = append(texts, about{g.knock, p.Src, r.trail(g.knock, p.Src), p.Time}.noGrant())
	}
	return strings.Join(texts, "; ")
}

// maxReasons is of how many knocks it is said why they have no grant.
const maxReasons = 3

// whyNotRejected is why a packet was dropped that was to be rejected.
func (r *recorder) whyNotRejected(p *sim.Packet, state compiler.ConnState) string {
	guarded := len(r.targets.servicesOf(p)) > 0
	switch {
	case !guarded && len(r.targets.stepsOf(p)) > 0:
		return "steps are not refused any more, and `default drop` never rejects: write => drop"
	case !guarded:
		return "no rule decided: `default drop` never rejects"
	case !r.policy.Settings.RefuseReject:
		return "refused packets are dropped, since the policy has no `refuse reject`"
	case state == compiler.StateInvalid:
		return "an invalid segment is dropped, since it may belong to a living connection"
	}
	return "a packet in an established flow is dropped, since an answer would end the connection"
}
