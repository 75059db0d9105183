package sim

import (
	"time"

	"example.org/knockc/compiler"
)

// mostWays is how many ways of one packet are tried.
const mostWays = 4096

// ways are those that a packet can take if nobody knows the phase of the clock. Whatever
// is in doubt is decided in one way, and then in the other; what is the same on all ways
// is certain. Some of them no phase takes, since two doubts are decided as if they had
// nothing to do with each other. But if a deadline has not passed, no later one has.
type ways struct {
	tick     time.Duration
	packet   *Packet
	now      time.Duration
	choices  []choice
	next     int           // of the choices, on the present way
	turned   *Doubt        // that is decided otherwise than on the way before
	elements []decided     // on the present way
	alive    time.Duration // no deadline from here on has passed, on the present way
	ended    time.Duration // all up to here have
	doubt    *Doubt        // about the verdict on the packet
	lost     *Doubt        // a packet had too many ways: nothing is certain any more
}

// choice is which of several decisions is taken about a doubt.
type choice struct {
	taken, of int
	doubt     *Doubt
}

// Doubt is why the verdict on the last packet depends on the tick; nil if it does not.
func (m *Machine) Doubt() *Doubt {
	if m.run.ways == nil {
		return nil
	}
	return m.run.ways.doubt
}

// allWays sends a packet along all its ways.
func (m *Machine) allWays(r *run) compiler.VerdictKind {
	w := r.ways
	w.packet, w.now, w.choices = r.packet, r.now, w.choices[:0]
	k, flows := m.flows.possible(r)
	all := m.way(r, k, flows)
	if len(w.choices) > 0 {
		r.counts = takeBack // rules that were run on this way may not be on another
		m.way(r, k, flows)
		r.counts = 0
	}
	for n := 1; w.lost == nil && w.turn(); n++ {
		if n == mostWays {
			w.lost = &Doubt{Kind: OfAll, Packet: *r.packet}
		}
		all.join(m.way(r, k, flows), w.turned)
	}
	r.counts, r.state, m.changes, w.doubt = 1, all.state, all.changes, all.doubt
	if w.lost != nil {
		r.counts, w.doubt = 0, w.lost
		for i := range m.changes {
			m.changes[i].Unsure = true
		}
	}
	for _, e := range all.elements {
		if e.changed {
			e.set.settle(e.key, e.life, e.made, w.now, m.clock.collected(w.now, e.set.every))
		}
	}
	m.flows.settle(k, all.flow, w.now)
	return all.verdict
}

// takeBack takes back what was counted.
const takeBack = ^uint64(0)

// way sends a packet along one way, on which its flow is one of those that are possible.
func (m *Machine) way(r *run, k key, flows possibleFlows) fate {
	w := r.ways
	w.next, w.elements, w.alive, w.ended, m.changes = 0, nil, Never, 0, nil
	if n := len(flows.all); n > 0 {
		m.flows.put(k, flows.all[w.choose(n, flows.doubt)], w.now)
	}
	f := fate{verdict: m.oneWay(r), state: r.state, changes: m.changes, elements: w.elements}
	if len(flows.all) > 0 {
		f.flow.all = []flow{m.flows.at(k, w.now)}
	}
	return f
}

// choose takes one of several decisions about a doubt: the same as before, until it comes
// to the one that was turned.
func (w *ways) choose(of int, doubt *Doubt) int {
	if of == 1 {
		return 0
	}
	if w.next == len(w.choices) {
		w.choices = append(w.choices, choice{0, of, doubt})
	}
	w.next++
	return w.choices[w.next-1].taken
}

// turn turns to the next way: it takes another decision about the last doubt about which
// there is one. It is false after the last way.
func (w *ways) turn() bool {
	for n := len(w.choices); n > 0; n-- {
		c := &w.choices[n-1]
		if c.taken++; c.taken < c.of {
			w.choices, w.turned = w.choices[:n], c.doubt
			return true
		}
	}
	return false
}

// has reports whether an element lives, on the present way.
func (w *ways) has(s *set, k key) bool { return w.now < w.element(s, k).sure }

// element is the life of an element, about which it is decided whether it lives now.
func (w *ways) element(s *set, k key) life {
	if e := find(w.elements, s, k); e != nil {
		return e.life
	}
	l := s.life(k)
	if w.now < l.sure || l.until <= w.now {
		return l
	}
	e := decided{set: s, key: k, life: life{until: w.now}}
	if w.lives(s, k, l) {
		e.life = life{w.now + 1, l.until, l.doubt}
	}
	w.elements = append(w.elements, e)
	return e.life
}

// lives decides whether an element lives.
func (w *ways) lives(s *set, k key, l life) bool {
	known := l.doubt == nil // except for a tick
	switch {
	case known && l.until >= w.alive:
		return true
	case known && l.until <= w.ended:
		return false
	}
	lives := w.choose(2, s.doubt(k, l, w.now, w.packet)) == 0
	switch {
	case known && lives:
		w.alive = l.until
	case known:
		w.ended = l.until
	}
	return lives
}

// update is that of a set, on the present way. The updates of one key are either all for
// ever, or none is.
func (w *ways) update(r *run, o *op) bool {
	s, k := r.element(o)
	made, before, expires := 0, w.element(s, k), r.expires(o)
	switch alive := w.now < before.sure; {
	case alive && before.until == Never:
		expires = Never
	case !alive && !w.room(r, s):
		return false
	case !alive:
		made = 1
		if expires == w.now {
			expires = Never
		}
	}
	w.put(decided{s, k, s.lasting(expires), made, true})
	r.change(s, k, expires)
	return true
}

// delete is that of a set, on the present way.
func (w *ways) delete(r *run, o *op) {
	if s, k := r.element(o); w.has(s, k) {
		w.put(decided{s, k, life{until: w.now}, 0, true})
		r.change(s, k, w.now)
	}
}

// put notes a change.
func (w *ways) put(c decided) {
	if e := find(w.elements, c.set, c.key); e != nil {
		c.made += e.made
		*e = c
		return
	}
	w.elements = append(w.elements, c)
}

// room decides whether there is room for another element in a set.
func (w *ways) room(r *run, s *set) bool {
	made := 0
	for _, e := range w.elements {
		if e.set == s {
			made += e.made
		}
	}
	switch {
	case s.hasRoom(made, r.machine.clock.collected(w.now, s.every)):
		return true
	case s.full(w.now):
		return false
	}
	return w.choose(2, &Doubt{Kind: OfRoom, Packet: *w.packet}) == 0
}

// over decides whether more than a time has passed since a packet.
func (w *ways) over(since, d time.Duration) bool {
	switch rest := w.now - since - d; {
	case since != unknown && rest <= 0:
		return false
	case since != unknown && rest >= w.tick:
		return true
	}
	return w.choose(2, &Doubt{Kind: OfFlow, Packet: *w.packet}) == 0
}
