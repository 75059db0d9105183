package compiler

import (
	"slices"

	"example.org/knockc/lang"
)

// isOpenToAll reports whether everyone may reach the point without a knock.
func (p *point) isOpenToAll() bool {
	return slices.ContainsFunc(p.opens, (*lang.Open).ForAll)
}

func openChain(p *point) string { return "open_" + p.Chain() }

func openVerdict(p *point) Verdict {
	if p.isOpenToAll() {
		return accept
	}
	return jump(openChain(p))
}

// opened adds a dispatch of points at the hook input: those that knocks guard, and those
// that are open.
func (b *builder) opened(c *Chain, name string, points []*point) {
	seen := map[*point]bool{}
	points = slices.DeleteFunc(slices.Clone(points), func(p *point) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
	all := entries(points, func(p *point) Verdict {
		switch {
		case len(p.guards) == 0 || name == "opens":
			return openVerdict(p)
		case p.isElsewhere():
			return jump(arrivedAtChain(p))
		}
		return jump("addressed")
	})
	if len(all) > 0 {
		c.dispatch(name, "what may arrive at a port", all)
	}
	for _, p := range points {
		if name != "opens" && len(p.guards) > 0 && p.isElsewhere() {
			b.arrivedAt(p)
		}
	}
}

func arrivedAtChain(p *point) string { return p.Chain() + "_arrived" }

// arrivedAt is for a port of the host that is guarded at some addresses only.
func (b *builder) arrivedAt(p *point) {
	c := b.chain(arrivedAtChain(p), "at an address that is guarded?")
	for _, d := range destinations(guardedAt(p)) {
		c.add("", d, to("addressed"))
	}
	if len(p.opens) > 0 {
		c.add("", openVerdict(p))
	}
}

// opensToAll adds a dispatch of the guarded ports that are open to some, for datagrams to
// several hosts: they are no attempts, but `open` admits them.
func (b *builder) opensToAll(c *Chain) {
	c.dispatchHere(entries(b.openToSome(lang.UDP), openVerdict))
}

// openToSome are the ports of the host that knocks guard and that are open to some.
func (b *builder) openToSome(proto lang.Proto) []*point {
	return slices.DeleteFunc(slices.Clone(b.opens), func(p *point) bool {
		return p.Proto != proto || p.isOpenToAll() || len(p.guards) == 0 || p.isElsewhere()
	})
}

// openChains admit those to whom a service is open.
func (b *builder) openChains() {
	for _, p := range b.opens {
		guarded := len(p.guards) > 0 && !p.isElsewhere() && p.Proto == lang.TCP
		if p.isOpenToAll() || guarded && b.notes() && !b.policy.Settings.DefaultDrop {
			continue // nothing leads there
		}
		b.admits(b.chain(openChain(p), "open to some: "+p.String()), p, nil, accept)
	}
}

// admits adds rules with the verdict for those to whom the point is open.
func (b *builder) admits(c *Chain, p *point, here []Instruction, v Verdict) {
	for _, o := range p.opens {
		if b.room.use(o.Span); b.room.full {
			return
		}
		for _, condition := range b.admissions(o.From, o.On) {
			c.add("", append(slices.Concat(here, condition), v)...)
		}
	}
}
