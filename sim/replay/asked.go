package replay

import (
	"net/netip"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
)

// Asked are the sources for which a trace expects something.
type Asked struct {
	sources map[netip.Addr]struct{}
	flows   map[netip.AddrPort]struct{} // of packets that a flow may let in, and should not
}

// Add adds the source of an event, if the event expects something.
func (a *Asked) Add(e *trace.Event) {
	if a.sources == nil {
		a.sources, a.flows = map[netip.Addr]struct{}{}, map[netip.AddrPort]struct{}{}
	}
	if e.Expect != nil {
		a.sources[e.Expect.Src] = struct{}{}
		return
	}
	p := e.Packet
	if p.Want == "" && p.Answered == nil {
		return
	}
	a.sources[p.Src] = struct{}{}
	if p.Want != trace.Accept {
		a.flows[netip.AddrPortFrom(p.Src, p.SrcPort)] = struct{}{}
	}
}

// Any reports whether there is such a source.
func (a Asked) Any() bool { return len(a.sources) > 0 }

// concerns tells whose packets may decide what becomes of the sources that are asked
// about: theirs, and those of all that any knock takes for the same source.
type concerns struct {
	bits     [2]int                  // IPv4 and IPv6: the shortest prefix that any knock takes for a source
	prefixes map[netip.Addr]struct{} // cut to that
	flows    map[netip.AddrPort]struct{}
}

func newConcerns(p *lang.Policy, asked Asked) *concerns {
	c := &concerns{bits: [2]int{32, 128}, prefixes: map[netip.Addr]struct{}{}, flows: asked.flows}
	for _, k := range p.Knocks {
		c.bits[0], c.bits[1] = min(c.bits[0], k.Per.IPv4), min(c.bits[1], k.Per.IPv6)
	}
	for src := range asked.sources {
		c.prefixes[c.cut(src)] = struct{}{}
	}
	return c
}

func (c *concerns) has(src netip.Addr) bool {
	_, ok := c.prefixes[c.cut(src)]
	return ok
}

// flow reports whether it matters that the packet's flow was let in: it may be why a
// packet got through.
func (c *concerns) flow(p *sim.Packet) bool {
	_, ok := c.flows[netip.AddrPortFrom(p.Src, p.SrcPort)]
	return ok
}

func (c *concerns) cut(src netip.Addr) netip.Addr {
	return netip.PrefixFrom(src, c.bits[compiler.FamilyOf(src)]).Masked().Addr()
}
