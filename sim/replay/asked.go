package replay

import (
	"net/netip"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Asked are the sources for which a trace expects something, and whether that is that
// one of their packets is not accepted: a flow may let it in.
type Asked struct{ sources map[netip.Addr]bool }

// Add adds the source of an event, if the event expects something.
func (a *Asked) Add(e *trace.Event) {
	if x := e.Expect; x != nil {
		a.add(x.Src, false)
	} else if p := e.Packet; p.Want != "" || p.Answered != nil {
		a.add(p.Src, p.Want != trace.Accept && p.SrcPort != 0)
	}
}

func (a *Asked) add(src netip.Addr, flows bool) {
	if a.sources == nil {
		a.sources = map[netip.Addr]bool{}
	}
	if before, known := a.sources[src]; !known || flows && !before {
		a.sources[src] = flows
	}
}

// Any reports whether there is such a source.
func (a Asked) Any() bool { return len(a.sources) > 0 }

// concerns tells whose packets may decide what becomes of the sources that are asked
// about: theirs, and those of all that any knock takes for the same source.
type concerns struct {
	bits     [2]int              // IPv4 and IPv6: the shortest prefix that any knock takes for a source
	prefixes map[netip.Addr]bool // cut to that; whether it matters which flows were let in
}

func newConcerns(p *lang.Policy, asked Asked) *concerns {
	c := &concerns{bits: [2]int{32, 128}, prefixes: map[netip.Addr]bool{}}
	for _, k := range p.Knocks {
		c.bits[0], c.bits[1] = min(c.bits[0], k.Per.IPv4), min(c.bits[1], k.Per.IPv6)
	}
	for src, flows := range asked.sources {
		cut := c.cut(src)
		c.prefixes[cut] = flows || c.prefixes[cut]
	}
	return c
}

// has reports whether packets of the source matter, and the flows that let them in.
func (c *concerns) has(src netip.Addr) (any, flows bool) {
	flows, any = c.prefixes[c.cut(src)]
	return any, flows
}

func (c *concerns) cut(src netip.Addr) netip.Addr {
	return netip.PrefixFrom(src, c.bits[compiler.FamilyOf(src)]).Masked().Addr()
}
