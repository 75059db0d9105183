package spec

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"example.org/knockc/lang"
)

// Copy is a model that has seen the same packets.
func (m *Model) Copy() *Model {
	c := *m
	c.spent, c.flows = maps.Clone(m.spent), maps.Clone(m.flows)
	c.sources = make(map[sourceOfKnock]*source, len(m.sources))
	for of, s := range m.sources {
		copied := *s
		copied.opening.done, copied.closing.done = slices.Clone(s.opening.done), slices.Clone(s.closing.done)
		c.sources[of] = &copied
	}
	return &c
}

// Life is something that a model remembers, and for how much longer. Two that differ
// in nothing but that have the same consequences until one of them ends.
type Life struct {
	Knock string // "" for a flow
	Src   netip.Prefix
	What  Remembered
	Step  int64         // of done steps, from 0; of a code, its period, from the present one on
	Flow  FlowLife      // of a flow
	Left  time.Duration // more than 0; [lang.Forever] if it does not end by itself, and for all flows
}

// Remembered is what a model can remember.
type Remembered int

const (
	IsOpen Remembered = iota
	OpeningStep
	OpeningBegun
	ClosingStep
	ClosingBegun
	SpentCode
	LivingFlow
)

// FlowLife is a flow, and what is known of it.
type FlowLife struct {
	flow  flow
	state flowState // without times
}

// Lives calls see with all that the model remembers at a time, in no order. How long
// flows last is left out.
func (m *Model) Lives(at time.Duration, see func(Life)) {
	add := func(l Life, until time.Duration) {
		switch {
		case until <= at:
			return
		case until == math.MaxInt64:
			l.Left = lang.Forever
		default:
			l.Left = until - at
		}
		see(l)
	}
	for of, s := range m.sources {
		l := Life{Knock: of.knock, Src: of.src}
		with := func(what Remembered, step int) Life { l.What, l.Step = what, int64(step); return l }
		add(with(IsOpen, 0), s.open)
		add(with(OpeningBegun, 0), s.opening.begun)
		add(with(ClosingBegun, 0), s.closing.begun)
		for i, until := range s.opening.done {
			add(with(OpeningStep, i), until)
		}
		for i, until := range s.closing.done {
			add(with(ClosingStep, i), until)
		}
	}
	for of, f := range m.flows {
		if at < f.ends {
			f.began, f.ends, f.fins = 0, 0, min(f.fins, 2)
			see(Life{What: LivingFlow, Flow: FlowLife{of, f}, Left: lang.Forever})
		}
	}
	m.spentCodes(at, add)
}

func (m *Model) spentCodes(at time.Duration, add func(Life, time.Duration)) {
	for c := range m.spent {
		period := whole(m.knock(c.knock).Period)
		ends := time.Duration((c.period+2)*period-m.Start) * time.Second
		add(Life{Knock: c.knock, What: SpentCode, Step: c.period - floor(m.unix(at), period)}, ends)
	}
}
