package explore

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"example.org/knockc/lang/trace"
)

// Search is an exploration of what hosts do with the packets of one source.
type Search struct {
	Hosts     []Host // that must do the same
	Src       netip.Addr
	Others    []netip.Addr    // that send some of the packets, too
	Packets   []trace.Packet  // each from one of these
	Knocks    []string        // whose doors and steps are compared
	Durations []time.Duration // of the policies; nil: no time passes
	Limit     int             // packets that are tried
	Depth     int             // packets in a row that are tried; 0: as many as it takes

	// Along are ways, by the places of their packets, that the search goes before all others,
	// however long they are. Near is how many of Packets, the first ones, it tries at every
	// deadline beside such a way.
	Along [][]int
	Near  int

	// Follow is what the search remembers of a way beside what the hosts do, after another
	// packet; 0 at the beginning. Nil: nothing.
	Follow func(before, packet int) int
	// Opened is called with each packet that has opened the door of the first of the knocks,
	// at the first of the hosts. It returns whether the search may end.
	Opened func(s *Step) (done bool)
}

// Step is a packet that has opened a door.
type Step struct {
	search *Search
	from   *node
	packet int
	Follow int // what is remembered after it
}

// Found is what a search has come to.
type Found struct {
	States  int         // that differ
	Packets int         // that were tried
	Depth   int         // all ways of fewer packets were tried, with all times between them
	Whole   bool        // all states were reached, and each packet was tried in each
	Opened  bool        // the door of the first of the knocks was open
	Shut    bool        // and was shut again
	Differs *Difference // nil: hosts never differ
}

// Difference is what two hosts do, or remember, at the end of a way.
type Difference struct {
	Way []trace.Event // the last is the packet that shows it
	At  time.Duration // when they differ
	Of  [2]Answer
}

// Answer is what a host does and remembers. The verdict is "" if time alone has passed.
type Answer struct {
	Verdict trace.Verdict
	Knocks  []KnockAnswer
}

// KnockAnswer is how far a source is with a knock.
type KnockAnswer struct {
	Src   netip.Addr
	Knock string
	Open  bool
	Step  int
}

// node is a state of the hosts that was reached.
type node struct {
	parent *node
	packet int // that led here; -1: time has passed
	depth  int // packets that led here
	at     time.Duration
	follow int
	open   bool // the door of the first of the knocks
	saved  []any
}

// timePassed stands for no packet.
const timePassed = -1

// Run explores until all states are known, hosts differ, the limit is reached, or the context
// is done.
func (s *Search) Run(ctx context.Context) Found {
	r := s.begin()
	r.run(ctx)
	return r.found
}

// running is a search under way.
type running struct {
	*Search
	sources []netip.Addr
	moments *moments
	seen    map[string]bool
	open    []*node // that are to be expanded
	later   *node   // that is before them: the present one, when some time has passed
	limit   int     // of packets, for now
	found   Found
	done    bool
}

func (s *Search) begin() *running {
	m := &moments{numbers: map[any]int{}, durations: slices.Clone(s.Durations)}
	slices.Sort(m.durations)
	m.durations = slices.Compact(m.durations)
	return &running{Search: s, sources: append([]netip.Addr{s.Src}, s.Others...), moments: m, seen: map[string]bool{}}
}

func (r *running) run(ctx context.Context) {
	r.reach(nil, timePassed, 0, 0)
	r.goAlong()
	for len(r.open) > 0 && !r.done && ctx.Err() == nil {
		n := r.open[0]
		r.open = r.open[1:]
		for r.found.Depth = n.depth; n != nil && !r.done && ctx.Err() == nil; n = r.later {
			r.later = nil
			r.expand(n)
			n.saved = nil
		}
	}
	r.found.Whole = !r.done && ctx.Err() == nil && !r.moments.skipped
}

// goAlong goes each way, at once and late. For that it tries no more than half of all packets.
func (r *running) goAlong() {
	r.limit = r.Limit / 2
	for _, way := range r.Along {
		r.along(r.open[0], way, false)
		r.along(r.open[0], way, true)
	}
	r.limit, r.done = r.Limit, r.found.Differs != nil
}

// expand tries each packet at a state, and time.
func (r *running) expand(n *node) {
	if r.Depth > 0 && n.depth >= r.Depth {
		return
	}
	for i := range r.Packets {
		if r.try(n, i); r.done {
			return
		}
	}
	if at := r.waits(n); at > n.at {
		r.reach(n, timePassed, at, n.follow)
	}
}

func (r *running) restore(n *node) {
	for i, h := range r.Hosts {
		h.Restore(n.saved[i])
	}
}

// sends sends a packet to all hosts. It reports whether the search goes on.
func (r *running) sends(n *node, packet int) bool {
	if r.found.Packets >= r.limit {
		r.done = true
		return false
	}
	r.found.Packets++
	r.restore(n)
	verdicts := make([]trace.Verdict, len(r.Hosts))
	for i, h := range r.Hosts {
		p := r.Packets[packet]
		verdicts[i] = h.Packet(n.at, &p)
	}
	return !r.differ(n, packet, n.at, verdicts)
}

// waits lets time pass until something changes, and returns when that is. If nothing does any
// more, or hosts differ, it is the same time as before.
func (r *running) waits(n *node) time.Duration {
	if r.Durations == nil {
		return n.at
	}
	r.restore(n)
	at := n.at + r.moments.next(r.moments.at(r.Hosts, n.at))
	if at > n.at && r.differ(n, timePassed, at, make([]trace.Verdict, len(r.Hosts))) {
		return n.at
	}
	return at
}

// try sends a packet, and keeps what comes of it.
func (r *running) try(n *node, packet int) {
	if !r.sends(n, packet) || r.Depth > 0 && n.depth+1 == r.Depth {
		return
	}
	follow := n.follow
	if r.Follow != nil {
		follow = r.Follow(n.follow, packet)
	}
	if r.Opened != nil && !n.open && r.opens(n.at) && r.Opened(&Step{r.Search, n, packet, follow}) {
		r.done = true
		return
	}
	r.reach(n, packet, n.at, follow)
}

// reach keeps the state that the hosts are in, if it is new.
func (r *running) reach(from *node, packet int, at time.Duration, follow int) {
	key := r.moments.key(r.moments.at(r.Hosts, at)) + string(rune(follow))
	if r.seen[key] {
		return
	}
	r.seen[key] = true
	r.found.States++
	n := r.node(from, packet, at, follow)
	if packet == timePassed && from != nil {
		r.later = n
	} else {
		r.open = append(r.open, n)
	}
}

// node is the state that the hosts are in.
func (r *running) node(from *node, packet int, at time.Duration, follow int) *node {
	n := &node{parent: from, packet: packet, at: at, follow: follow, open: r.opens(at)}
	if from != nil {
		n.depth = from.depth
		r.found.Shut = r.found.Shut || from.open && !n.open
	}
	r.found.Opened = r.found.Opened || n.open
	if packet != timePassed {
		n.depth++
	}
	for _, h := range r.Hosts {
		n.saved = append(n.saved, h.Save(at))
	}
	return n
}

// opens reports whether the door of the first of the knocks is open.
func (r *running) opens(at time.Duration) bool {
	return len(r.Knocks) > 0 && r.Hosts[0].Open(at, r.Knocks[0], r.Src)
}

// differ notes whether hosts differ after a packet, or after some time.
func (r *running) differ(n *node, packet int, at time.Duration, verdicts []trace.Verdict) bool {
	for i := range r.Hosts[1:] {
		if verdicts[0] == verdicts[i+1] && r.agree(i+1, at) {
			continue
		}
		d := &Difference{Way: r.way(n, packet), At: at}
		for j, host := range []int{0, i + 1} {
			d.Of[j] = Answer{verdicts[host], r.knows(host, at)}
		}
		r.found.Differs, r.done = d, true
		return true
	}
	return false
}

// agree reports whether a host takes the sources to be as far as the first host does.
func (r *running) agree(host int, at time.Duration) bool {
	a, b := r.Hosts[0], r.Hosts[host]
	for _, src := range r.sources {
		for _, k := range r.Knocks {
			if a.Open(at, k, src) != b.Open(at, k, src) || a.Step(at, k, src) != b.Step(at, k, src) {
				return false
			}
		}
	}
	return true
}

// knows is how far a host takes the sources to be.
func (r *running) knows(host int, at time.Duration) (all []KnockAnswer) {
	h := r.Hosts[host]
	for _, src := range r.sources {
		for _, k := range r.Knocks {
			all = append(all, KnockAnswer{src, k, h.Open(at, k, src), h.Step(at, k, src)})
		}
	}
	return all
}

// Way is all packets up to this one.
func (s *Step) Way() []trace.Event { return s.search.way(s.from, s.packet) }

// way is all packets to a node, and one more.
func (s *Search) way(n *node, packet int) []trace.Event {
	var all []trace.Event
	for at := n.at; n != nil; n = n.parent {
		if packet != timePassed {
			p := s.Packets[packet]
			all = append(all, trace.Event{At: at, Packet: &p})
		}
		if packet = n.packet; n.parent != nil {
			at = n.parent.at
		}
	}
	slices.Reverse(all)
	return all
}
