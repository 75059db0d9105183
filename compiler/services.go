package compiler

import (
	"slices"

	"knockc/lang"
)

// services adds the rules that let in who holds a grant. Where several knocks
// guard a port, those who hold none at all are refused before.
func (b *builder) services(c *Chain, p *point) {
	if len(p.guards) > 1 {
		for _, f := range Families {
			var none []Instruction
			for _, l := range b.doors.lookups(f, p.guards) {
				l.Not = true
				none = append(none, l)
			}
			b.whenAll(c, nil, none, b.refuse(), "no door is open")
		}
	}
	accept := Verdict{Kind: Accept}
	if b.endsGrants(p) {
		accept = Verdict{Goto, letInChain(p)}
	}
	for _, k := range p.guards {
		for _, f := range Families {
			c.add("service of "+k.Name.Text, lookup(b.states(k).grant, f), accept)
		}
	}
}

// endsGrants reports whether to let someone in at the point ends a grant.
func (b *builder) endsGrants(p *point) bool {
	return slices.ContainsFunc(p.guards, func(k *lang.Knock) bool { return k.Once })
}

func letInChain(p *point) string { return p.name() + "_let_in" }

// letIn ends the grants that hold for one attempt only.
func (b *builder) letIn(p *point) {
	c := b.chain(letInChain(p), "let in, once")
	for _, k := range p.guards {
		if !k.Once {
			continue
		}
		for _, f := range Families {
			c.add("once "+k.Name.Text, lookup(b.states(k).grant, f), b.ending(ending{knock: k, opening: true, grant: true}))
		}
	}
	c.add("", Verdict{Kind: Accept})
}
