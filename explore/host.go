package explore

import (
	"net/netip"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/spec"
)

// Host decides about packets, and can go back to an earlier state.
type Host interface {
	// Packet decides about a packet that arrives.
	Packet(at time.Duration, p *trace.Packet) trace.Verdict
	// Open reports whether a knock's door is open for a source, and Step how many steps it
	// has done in time.
	Open(at time.Duration, knock string, src netip.Addr) bool
	Step(at time.Duration, knock string, src netip.Addr) int

	// Save keeps the state for Restore.
	Save(at time.Duration) (state any)
	Restore(state any)
	// Lives calls see with all that the host remembers: what it is, a comparable value, and
	// for how much longer, or [lang.Forever].
	Lives(at time.Duration, see func(what any, left time.Duration))
}

// rules is a host that has loaded compiled rules.
type rules struct{ player *replay.Player }

// Rules is a host that has loaded the rules of a policy. Its sets are never full.
func Rules(r *compiler.Result) (Host, error) {
	roomy := *r
	ruleset := *r.Ruleset
	ruleset.Sets = nil
	for _, s := range r.Ruleset.Sets {
		with := *s
		with.Size = 1 << 20
		ruleset.Sets = append(ruleset.Sets, &with)
	}
	roomy.Ruleset = &ruleset
	p, err := replay.New(&roomy)
	return &rules{p}, err
}

func (h *rules) Packet(at time.Duration, p *trace.Packet) (v trace.Verdict) {
	h.player.Event(&trace.Event{At: at, Packet: p}, func(o replay.Outcome) { v = o.Got.Verdict })
	return v
}

func (h *rules) Open(at time.Duration, knock string, src netip.Addr) bool {
	open, _ := h.player.Open(knock, src, at)
	return open
}

func (h *rules) Step(at time.Duration, knock string, src netip.Addr) int {
	step, _ := h.player.Step(knock, src, at)
	return step
}

func (h *rules) Save(at time.Duration) any { return h.player.Save(at) }
func (h *rules) Restore(state any)         { h.player.Restore(state.(replay.Saved)) }

func (h *rules) Lives(at time.Duration, see func(any, time.Duration)) {
	h.player.Lives(at, func(l sim.Life) {
		left := l.Left
		l.Left = 0
		see(l, left)
	})
}

// meaning is a host that does what a policy means.
type meaning struct{ *spec.Model }

// Meaning is a host that does what a policy means, as package spec states it.
func Meaning(p *lang.Policy) Host { return &meaning{spec.NewModel(p)} }

func (h *meaning) Save(time.Duration) any { return h.Copy() }
func (h *meaning) Restore(state any)      { h.Model = state.(*spec.Model).Copy() }

func (h *meaning) Lives(at time.Duration, see func(any, time.Duration)) {
	h.Model.Lives(at, func(l spec.Life) {
		left := l.Left
		l.Left = 0
		see(l, left)
	})
}
