package replay

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
)

// mostPhases is how many phases are tried; fewer if that would be more than mostPlays
// packets to play, but not fewer than fewestPhases.
const (
	mostPhases   = 4096
	mostPlays    = 25_000_000
	fewestPhases = 64
)

// places are the phases that differ: between two of them, the same packets share a
// tick. A packet changes to the next tick where the phase is what its own tick has left.
type places struct {
	targets  *targets
	resets   bool // a knock has a `reset`, so that any packet may move it
	hz       int
	events   []trace.Event
	end      time.Duration                   // no event counts that comes later
	group    func(netip.Addr) netip.Addr     // of sources that matter to each other
	byGroup  map[netip.Addr]*differingPhases // in order
	together bool                            // all sources are one group
	most     int                             // that are tried
}

// differingPhases are those of one group of sources, from 0 on.
type differingPhases []int64

// phase is one of each group: that of the number, counted around.
type phase struct {
	number  int
	collect time.Duration // see [sim.Clock]
}

// choice is the phases that are tried beside the first of all.
type choice struct {
	at     *places
	phases []phase
	tried  triedPhases
}

// triedPhases is how many phases are tried, and how many differ.
type triedPhases struct{ tried, of int }

// placesApart are those of sources that no knock takes for one, each for itself.
func placesApart(policy *lang.Policy, hz int, events []trace.Event, end time.Duration) *places {
	p := &places{targets: newTargets(policy), hz: hz, events: events, end: end, group: newConcerns(policy, Asked{}).cut}
	p.resets = slices.ContainsFunc(policy.Knocks, func(k *lang.Knock) bool { return k.Reset.Mode != lang.ResetNone })
	p.find()
	return p
}

// allTogether are the same of all sources as if they were one.
func (p *places) allTogether() *places {
	q := *p
	q.together, q.group = true, func(netip.Addr) netip.Addr { return netip.Addr{} }
	q.find()
	return &q
}

func (p *places) find() {
	p.byGroup = map[netip.Addr]*differingPhases{}
	clock := sim.Clock{HZ: p.hz}
	for src, at := range p.times() {
		phases := p.byGroup[p.group(src)]
		if phases == nil {
			phases = &differingPhases{0}
			p.byGroup[p.group(src)] = phases
		}
		phases.add(clock.PhaseAt(at))
	}
	for _, phases := range p.byGroup {
		phases.sort()
	}
	outcomes := 0
	for i := range p.events {
		for range instants(&p.events[i]) {
			outcomes++
		}
	}
	p.most = min(mostPhases, max(fewestPhases, mostPlays/max(1, outcomes)))
}

// times are those of all packets and expectations that can matter, with their sources.
func (p *places) times() iter.Seq2[netip.Addr, time.Duration] {
	return func(yield func(netip.Addr, time.Duration) bool) {
		for i := range p.events {
			for at, port := range instants(&p.events[i]) {
				if at > p.end {
					break
				}
				if !p.idle(&p.events[i], port) && !yield(sourceOf(&p.events[i]), at) {
					return
				}
			}
		}
	}
}

// idle reports whether an event, or one packet of it, is a packet that moves nothing and
// is in no flow, whenever it comes.
func (p *places) idle(e *trace.Event, port uint16) bool {
	if p.resets || e.Packet == nil || e.Packet.Proto == lang.Ping || e.Packet.SrcPort != 0 {
		return false
	}
	if e.Packet.Range == nil {
		port = e.Packet.DstPort
	}
	at := p.targets.of(&sim.Packet{Proto: e.Packet.Proto, DstPort: port})
	return len(at.steps) == 0 && len(at.services) == 0
}

// of are the phases of a source.
func (p *places) of(src netip.Addr) differingPhases {
	if phases := p.byGroup[p.group(src)]; phases != nil {
		return *phases
	}
	return differingPhases{0}
}

// choose chooses phases, all unless they are too many.
func (p *places) choose() choice {
	c := choice{at: p, tried: triedPhases{1, 1}}
	for _, phases := range p.byGroup {
		c.tried.of = max(c.tried.of, len(*phases))
		*phases = thin(*phases, p.most)
		c.tried.tried = max(c.tried.tried, len(*phases))
	}
	for number := 1; number < c.tried.tried; number++ {
		c.phases = append(c.phases, phase{number: number})
	}
	if len(c.phases) == 0 {
		c.phases = []phase{{}} // the first beside itself
	}
	return c
}

// collections chooses phases again, each with all times of collections that differ:
// before and after the ticks of packets and of ends of timeouts.
func (p *places) collections(r *compiler.Ruleset) choice {
	c := choice{at: p}
	timeouts, periods := timeoutsOf(r), periodsOf(r)
	each := func(yield func(phase)) {
		for number, at := range p.of(netip.Addr{}) {
			for _, tick := range p.ticks(sim.Clock{HZ: p.hz, Phase: at}, timeouts, periods) {
				yield(phase{number, tick})
				yield(phase{number, tick + 1})
			}
		}
	}
	each(func(phase) { c.tried.of++ })
	i := 0
	each(func(f phase) {
		if c.tried.of <= p.most || i*p.most/c.tried.of != (i+1)*p.most/c.tried.of {
			c.phases = append(c.phases, f)
		}
		i++
	})
	c.tried.tried = len(c.phases)
	return c
}

// ticks are when in a second a packet comes or a timeout ends that begins with one, and
// as often before and after that as sets are collected in a second.
func (p *places) ticks(clock sim.Clock, timeouts, periods []time.Duration) []time.Duration {
	ticks := map[time.Duration]bool{}
	add := func(at time.Duration) {
		for _, period := range periods {
			for of := at % period; of < time.Second; of += period {
				if of >= 0 {
					ticks[of] = true
				}
			}
		}
	}
	for _, at := range p.times() {
		add(clock.Begin(at))
		for _, timeout := range timeouts {
			add(clock.End(at, timeout))
		}
		if len(ticks) == p.hz {
			break // these are all
		}
	}
	return slices.Sorted(maps.Keys(ticks))
}

// periodsOf are the times between two collections in sets, each a part of a second.
func periodsOf(r *compiler.Ruleset) []time.Duration {
	var all []time.Duration
	for _, s := range r.Sets {
		all = append(all, cmp.Or(s.Collect, compiler.DefaultCollect))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// timeoutsOf are those of all elements that rules make.
func timeoutsOf(r *compiler.Ruleset) []time.Duration {
	var all []time.Duration
	for _, chain := range r.Chains {
		for _, rule := range chain.Rules {
			for _, i := range rule.Instructions {
				if u, ok := i.(compiler.Update); ok && u.Timeout < lang.Forever {
					all = append(all, u.Timeout)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// add adds a phase. What is there twice is taken out when room is short.
func (d *differingPhases) add(phase int64) {
	if len(*d) == cap(*d) {
		d.sort()
		if len(*d) > cap(*d)/2 {
			*d = slices.Grow(*d, cap(*d)+1)
		}
	}
	*d = append(*d, phase)
}

func (d *differingPhases) sort() {
	slices.Sort(*d)
	*d = slices.Compact(*d)
}

// thin leaves some of a list, evenly spread, with the first.
func thin[S ~[]E, E any](all S, most int) S {
	if len(all) <= most {
		return all
	}
	var some S
	for i := range most {
		some = append(some, all[i*len(all)/most])
	}
	return some
}
