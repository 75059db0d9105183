package replay

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
)

// Expiry is what time has undone: the deadline of a step has passed, or a grant has ended.
type Expiry struct {
	At              time.Duration // since the start; the latest that it can be
	Source          netip.Prefix
	compiler.Symbol // a grant that is no more, or the step that is left of a sequence, 0 for none
}

// NoteExpiries makes the outcomes from now on say what time has undone before them. That
// takes memory for each source with progress or a grant.
func (p *Player) NoteExpiries() {
	x := &expiries{player: p, queued: map[element]time.Duration{}, knocks: map[string]*lang.Knock{}}
	for _, k := range p.policy.Knocks {
		x.knocks[k.Name.Text] = k
	}
	p.expiries = x
	p.Watch(x)
}

// Expired is what time has undone up to a time, since it was last asked. It is valid until
// then. Without [Player.NoteExpiries] there is nothing.
func (p *Player) Expired(at time.Duration) []Expiry {
	if p.expiries == nil {
		return nil
	}
	return p.expiries.until(at)
}

// expiries wait for elements to end by themselves.
type expiries struct {
	player *Player
	knocks map[string]*lang.Knock
	found  []Expiry

	// Each element has one place in the queue, at the time when it would end when it was put
	// there. If it has been renewed since then, its end is later.
	queue  deadlines
	queued map[element]time.Duration // when it ends now; 0: a packet has ended it
}

// element is a place in a set, where a source has a state.
type element struct {
	set   string
	src   netip.Addr // cut
	state uint32
}

// Packet notes when the elements end that a packet has made or renewed.
func (x *expiries) Packet(_ *sim.Packet, _ compiler.VerdictKind, changes []sim.Change) {
	for _, c := range changes {
		if s, ok := x.player.symbols.Meaning(c.Set, c.State); !ok || s.Role != compiler.Grant && s.Step == 0 {
			continue
		}
		e := element{c.Set, c.Src, c.State}
		switch end, known := x.queued[e]; {
		case c.Unsure: // if it has ended, it is gone at its end too
			if known && !c.Ended {
				x.queued[e] = max(end, c.Expires)
			}
		case known && c.Ended:
			x.queued[e] = 0
		case known:
			x.queued[e] = c.Expires
		case !c.Ended && c.Expires != sim.Never:
			x.queued[e] = c.Expires
			heap.Push(&x.queue, deadline{c.Expires, e})
		}
	}
}

// until takes out what has ended up to a time.
func (x *expiries) until(at time.Duration) []Expiry {
	x.found = x.found[:0]
	for len(x.queue) > 0 && x.queue[0].at <= at {
		first := &x.queue[0]
		switch end := x.queued[first.element]; {
		case end > first.at && end != sim.Never:
			first.at = end
			heap.Fix(&x.queue, 0)
			continue
		case end == first.at:
			x.ended(first)
		}
		delete(x.queued, first.element)
		heap.Pop(&x.queue)
	}
	slices.SortFunc(x.found, func(a, b Expiry) int {
		return cmp.Or(cmp.Compare(a.At, b.At), a.Source.Addr().Compare(b.Source.Addr()),
			cmp.Compare(a.Knock, b.Knock), cmp.Compare(a.Role, b.Role))
	})
	return slices.Compact(x.found) // two steps may end at once
}

// ended notes that an element has ended by itself, if that undoes something.
func (x *expiries) ended(d *deadline) {
	symbol, _ := x.player.symbols.Meaning(d.set, d.state)
	e := Expiry{d.at, cut(x.knocks[symbol.Knock], d.src), symbol}
	if symbol.Role != compiler.Grant {
		left, _ := x.player.step(symbol.Knock, symbol.Role, d.src, d.at)
		open, _ := x.player.Open(symbol.Knock, d.src, d.at)
		if left >= symbol.Step || open && symbol.Role == compiler.Opening {
			return // it has got further
		}
		e.Step = left
	}
	x.found = append(x.found, e)
}

// deadline is when an element ends.
type deadline struct {
	at time.Duration
	element
}

// deadlines are a heap with the soonest first.
type deadlines []deadline

func (q deadlines) Len() int           { return len(q) }
func (q deadlines) Less(i, j int) bool { return q[i].at < q[j].at }
func (q deadlines) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *deadlines) Push(d any)        { *q = append(*q, d.(deadline)) }

func (q *deadlines) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	*q = (*q)[:last]
	return d
}
