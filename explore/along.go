package explore

import "slices"

// along goes a way. At each of its packets it tries what may come instead: all packets, and
// the deadlines that pass if nothing comes. If late, it sends each packet as late as what was
// done before still counts.
func (r *running) along(n *node, way []int, late bool) {
	for _, packet := range append(slices.Clone(way), timePassed) {
		for i := range r.Packets {
			if !r.sends(n, i) {
				return
			}
		}
		last := r.untilOver(n)
		if r.done || packet == timePassed {
			return
		}
		if late {
			n = last
		}
		if !r.sends(n, packet) {
			return
		}
		n = r.node(n, packet, n.at, 0)
	}
}

// untilOver lets time pass until nothing is remembered, and tries the nearest packets whenever
// something changes. It returns the last moment at which the source was as far as at first.
func (r *running) untilOver(n *node) (last *node) {
	r.restore(n)
	first, last := r.knows(0, n.at), n
	for at := r.waits(n); at > n.at; at = r.waits(n) {
		n = r.node(n, timePassed, at, 0)
		if slices.Equal(r.knows(0, at), first) {
			last = n
		}
		for i := range r.Near {
			if !r.sends(n, i) {
				return last
			}
		}
	}
	return last
}
