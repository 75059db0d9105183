package compiler

import (
	"fmt"
	"slices"

	"example.org/knockc/lang"
)

// ending is what of a knock ends before its time.
type ending struct {
	knock                   *lang.Knock
	opening, closing, grant bool // the steps done of a sequence, the grant
}

// name is that of the chain which ends it.
func (e ending) name() string {
	name := e.knock.Name.Text + "_ends"
	for _, part := range []struct {
		ends bool
		name string
	}{{e.opening, "_opening"}, {e.closing, "_closing"}, {e.grant, "_grant"}} {
		if part.ends {
			name += part.name
		}
	}
	return name
}

// ending is the verdict that ends it and comes back.
func (b *builder) ending(e ending) Verdict {
	e.closing = e.closing && len(e.knock.Close) > 1
	if !b.ends[e] {
		b.ends[e] = true
		b.endings = append(b.endings, e)
	}
	return Verdict{Jump, e.name()}
}

// endingChains are the chains that ending names.
func (b *builder) endingChains() {
	for _, e := range b.endings {
		if b.room.use(e.knock.Name.Span); b.room.full {
			return
		}
		var places []Place
		states := b.states(e.knock)
		if e.grant {
			places = append(places, states.grant)
		}
		if e.opening {
			places = append(places, states.opening.done...)
		}
		if e.closing {
			places = append(places, states.closing.done...)
		}
		c := b.chain(e.name(), "what ends early")
		for _, f := range Families {
			deletions(c, places, f)
		}
		if e.grant && b.states(e.knock).doored {
			c.add("", jump(b.lastDoor(e.knock)))
		}
	}
}

// lastDoor is a chain that takes a source out of the guard of doors if no door is open
// for it any more. An element that is about several sources of some knock stays until it
// ends by itself.
func (b *builder) lastDoor(knock *lang.Knock) string {
	name := fmt.Sprintf("last_door_%d_%d", knock.Per.IPv4, knock.Per.IPv6)
	if knock.Grant == lang.Forever {
		name += "_forever"
	}
	if b.lastDoors[name] {
		return name
	}
	b.lastDoors[name] = true
	c := b.chain(name, "is another door still open?")
	var last []Delete
	for _, f := range Families {
		of, exact := guardedOf(f, knock.Per, knock.Grant), true
		for _, k := range b.policy.Knocks {
			if b.states(k).doored && guardedOf(f, k.Per, k.Grant) == of {
				c.add("", lookup(b.states(k).grant, f), leave)
				exact = exact && of.isExact(k.Per)
			}
		}
		if exact {
			place := b.doors.place(of)
			last = append(last, Delete{place.Key(f), place.Kind.SetName(f)})
		}
	}
	for _, d := range last {
		c.add("", d)
	}
	return name
}

// fit is how many lookups or deletions have room in a rule: the kernel takes 4096
// bytes and 128 expressions (nf_tables_newrule, NFT_RULE_MAXEXPRS); one of these
// takes some 250 bytes and five expressions at most.
const fit = 10

// deletions adds rules that delete a source's elements.
func deletions(c *Chain, places []Place, f Family) {
	for some := range slices.Chunk(places, fit) {
		var rule []Instruction
		for _, p := range some {
			rule = append(rule, Delete{p.Key(f), p.Kind.SetName(f)})
		}
		c.add("", rule...)
	}
}
