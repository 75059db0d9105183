package explore

import "slices"

// along goes a way. If late, it sends each packet as late as what was done before still counts.
// Then it tries, from the end to the beginning, what may come instead of each packet: all
// packets, and the deadlines that pass if nothing comes.
func (r *running) along(n *node, way []int, late bool) {
	nodes := []*node{n}
	for _, packet := range way {
		if late {
			n = r.latest(n)
		}
		if r.done || !r.sends(n, packet) {
			return
		}
		n = r.node(n, packet, n.at, 0)
		nodes = append(nodes, n)
	}
	for _, n := range slices.Backward(nodes) {
		for i := range r.Packets {
			if !r.sends(n, i) {
				return
			}
		}
		if r.untilOver(n); r.done {
			return
		}
	}
}

// latest lets time pass as long as the source is as far as before.
func (r *running) latest(n *node) *node {
	r.restore(n)
	first := r.knows(0, n.at)
	for at := r.waits(n); at > n.at && slices.Equal(r.knows(0, at), first); at = r.waits(n) {
		n = r.node(n, timePassed, at, 0)
	}
	return n
}

// untilOver lets time pass until nothing is remembered, and tries the nearest packets whenever
// something changes.
func (r *running) untilOver(n *node) {
	for at := r.waits(n); at > n.at; at = r.waits(n) {
		n = r.node(n, timePassed, at, 0)
		for i := range r.Near {
			if !r.sends(n, i) {
				return
			}
		}
	}
}
