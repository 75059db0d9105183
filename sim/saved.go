package sim

import (
	"math"
	"net/netip"
	"time"
)

// Saved is what a machine remembered at some time: see [Machine.Save].
type Saved struct {
	elements []savedElement
	flows    []entry[flow]
}

type savedElement struct {
	set     *set
	key     key
	expires time.Duration
}

// Save keeps all that can still matter after a time, which must not be before that of
// the last packet. The machine must have an exact clock.
func (m *Machine) Save(at time.Duration) Saved {
	var all Saved
	for _, s := range m.sets {
		for k, expires := range s.elements.all {
			if at < *expires {
				all.elements = append(all.elements, savedElement{s, k, *expires})
			}
		}
	}
	for k, f := range m.flows.flows.all {
		if at < f.expires {
			all.flows = append(all.flows, entry[flow]{k, *f})
		}
	}
	return all
}

// Restore makes the machine remember what it did when it was saved, and nothing else. The
// next packet may come at any time from then on. All places in sets that are not
// taken are free.
func (m *Machine) Restore(saved Saved) {
	for _, s := range m.sets {
		s.elements.clear()
		s.ghosts, s.soonest = s.ghosts[:0], math.MaxInt64
	}
	never := func(*time.Duration) bool { return false }
	for _, e := range saved.elements {
		e.set.elements.insert(e.key, e.expires, never)
		e.set.soonest = min(e.set.soonest, e.expires)
	}
	m.flows.flows.clear()
	for _, f := range saved.flows {
		m.flows.flows.insert(f.key, f.value, func(*flow) bool { return false })
	}
}

// Life is something that a machine remembers, and for how much longer. Two that differ
// in nothing but that have the same consequences until one of them ends.
type Life struct {
	Set   string // of an element; "" for a flow
	Src   netip.Addr
	State uint64        // of the element, or what connection tracking knows of the flow
	Flow  uint64        // the ports and protocol of the flow
	Left  time.Duration // more than 0; [Never] if it does not end by itself, and for all flows
}

// Lives calls see with all that lives at a time, in no order, except one-time codes. How
// long flows last is left out.
func (m *Machine) Lives(at time.Duration, see func(Life)) {
	for e := range m.Elements(at) {
		left := e.Expires
		if left != Never {
			left -= at
		}
		see(Life{Set: e.Set, Src: e.Src, State: uint64(e.State), Left: left})
	}
	for k, f := range m.flows.flows.all {
		if at < f.expires {
			see(Life{Flow: k.id, State: f.state(), Left: Never})
		}
	}
}

// state is what is known of a flow, without times.
func (f *flow) state() uint64 {
	state := uint64(f.tcp)
	for i, is := range []bool{f.own, f.answered, f.refused} {
		if is {
			state |= 1 << (8 + i)
		}
	}
	return state
}
