package sim

import (
	"slices"
	"time"
)

// possibleFlows are those of which one is a packet's flow. One that has ended is the zero
// flow.
type possibleFlows struct {
	all   []flow
	doubt *Doubt // about which it is
}

// unknown is since when a flow lasts that may have begun with one packet or another.
const unknown time.Duration = -1

// addFlow adds a flow to others.
func addFlow(all []flow, f flow) []flow {
	for i, o := range all {
		if o.since = f.since; o == f {
			if all[i].since != f.since {
				all[i].since = unknown
			}
			return all
		}
	}
	return append(all, f)
}

// possible are the flows that the packet's may be now; none if no other packet belongs to
// it.
func (c *conntrack) possible(r *run) (k key, p possibleFlows) {
	k, ok := r.flowKey(true)
	if !ok || r.packet.Alone {
		return k, p
	}
	before := possibleFlows{all: []flow{c.at(k, r.now)}}
	if d := c.doubts.find(k); d != nil && len(d.all) > 0 {
		before = *d
	}
	for _, f := range before.all {
		if r.now < f.expires {
			p.all = addFlow(p.all, f)
		}
		if r.now > f.expires-r.ways.tick {
			p.all = addFlow(p.all, flow{})
		}
	}
	if p.doubt = before.doubt; len(p.all) > 1 && p.doubt == nil {
		p.doubt = &Doubt{Kind: OfFlow, Packet: *r.packet}
	}
	return k, p
}

// at is the flow with a key.
func (c *conntrack) at(k key, now time.Duration) flow {
	if f := c.flows.find(k); f != nil && now < f.expires {
		return *f
	}
	return flow{}
}

// put makes a flow one of those that it may be.
func (c *conntrack) put(k key, f flow, now time.Duration) {
	at := c.flows.find(k)
	switch {
	case at != nil:
		*at = f
	case f != flow{}:
		c.flows.insert(k, f, func(f *flow) bool { return now >= f.expires })
	}
}

// settle notes what a flow may be after a packet.
func (c *conntrack) settle(k key, p possibleFlows, now time.Duration) {
	known := c.doubts.find(k)
	if len(p.all) == 1 {
		c.put(k, p.all[0], now)
		p = possibleFlows{}
	}
	switch {
	case known != nil:
		*known = p
	case len(p.all) > 0:
		c.doubts.insert(k, p, func(p *possibleFlows) bool {
			return !slices.ContainsFunc(p.all, func(f flow) bool { return now < f.expires })
		})
	}
}

// over reports whether more than a time has passed since another.
func (r *run) over(since, d time.Duration) bool {
	if r.ways != nil {
		return r.ways.over(since, d)
	}
	return r.now-since > d
}
