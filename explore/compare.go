package explore

import (
	"context"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Compared is what came of comparing the rules of two policies.
type Compared struct {
	Differs *Difference // nil: no way was found
	Packets int         // that were tried

	Stopped int // after so many packets the search for a source ended too early; 0: none did
	Kinds   int // so many different packets of a source there are; 0: all were tried
}

// MostKinds is how many different packets of a source are tried in a comparison.
const MostKinds = 200

// Compare looks for a short way at whose end the rules of two policies decide in different
// ways about an attempt. A knock of either says which packets matter; "" stands for all
// knocks. For each source it tries so many packets at most: first those that a change of the
// knock, or of what is open, touches, and then with all others.
func Compare(ctx context.Context, old, is *compiler.Result, knock string, limit int) (c Compared, err error) {
	for _, s := range comparisons(old, is, knock, limit) {
		if c.Differs != nil && len(c.Differs.Way) == 1 {
			break // nothing is shorter
		} else if c.Differs != nil {
			s.Depth = len(c.Differs.Way) - 1
		}
		if len(s.Packets) > MostKinds {
			c.Kinds = max(c.Kinds, len(s.Packets))
			s.Packets = s.Packets[:MostKinds]
		}
		for _, r := range []*compiler.Result{old, is} {
			h, err := Rules(r)
			if err != nil {
				return c, err
			}
			s.Hosts = append(s.Hosts, h)
		}
		found := s.Run(ctx)
		if err := ctx.Err(); err != nil {
			return c, err
		}
		c.Packets += found.Packets
		switch {
		case found.Differs != nil:
			c.Differs = found.Differs
		case !found.Whole:
			c.Stopped = max(c.Stopped, found.Packets)
		}
	}
	return c, nil
}

// comparisons are searches for the sources of a knock in both policies, with packets that a
// change touches and then with all: all at once for all sources, and in time for one of each
// kind.
func comparisons(old, is *compiler.Result, knock string, limit int) (all []*Search) {
	both := []*compiler.Result{is, old}
	kinds, sources := sendersOf(both, knock)
	durations := durationsOf(both, knock)
	for _, draw := range []func([]*compiler.Result, string, Sender) []trace.Packet{touchedFor, drawFor} {
		for _, from := range sources {
			all = append(all, &Search{Src: from.Src, Limit: min(limit, mostAtOnce), Packets: draw(both, knock, from)})
		}
		for _, from := range kinds {
			all = append(all, &Search{Src: from.Src, Limit: limit, Packets: draw(both, knock, from), Durations: durations})
		}
	}
	return slices.DeleteFunc(all, func(s *Search) bool { return len(s.Packets) == 0 })
}

// sendersOf are sources of a knock, one of each kind in each policy, and all that it may see
// a difference between.
func sendersOf(both []*compiler.Result, knock string) (kinds, all []Sender) {
	add := func(to []Sender, more []Sender) []Sender {
		for _, from := range more {
			from.Kind = Admitted // it may be another to the other policy
			if !slices.Contains(to, from) {
				to = append(to, from)
			}
		}
		return to
	}
	for _, r := range both {
		for _, k := range knocksNamed(r.Policy, knock) {
			for _, f := range compiler.Families {
				of := senders(r.Policy, k, f)
				kinds = add(kinds, of)
				all = add(add(all, of), allSenders(r.Policy, k, f))
			}
		}
	}
	return kinds, all
}

// knocksNamed are the knocks of a policy, or the one of a name.
func knocksNamed(p *lang.Policy, name string) []*lang.Knock {
	if name == "" {
		return knocksOf(p)
	}
	return slices.DeleteFunc(slices.Clone(p.Knocks), func(k *lang.Knock) bool { return k.Name.Text != name })
}

// drawFor are packets that matter to a knock of several policies. Those that a change touches
// come first.
func drawFor(both []*compiler.Result, knock string, from Sender) []trace.Packet {
	d := touched(both, knock, from)
	for _, r := range both {
		d.policy = r.Policy
		for _, k := range knocksNamed(r.Policy, knock) {
			d.attempts(k)
			d.wide(k)
		}
	}
	return d.all
}

func durationsOf(both []*compiler.Result, knock string) (durations []time.Duration) {
	for _, r := range both {
		for _, k := range knocksNamed(r.Policy, knock) {
			durations = append(durations, timesOf(k)...)
		}
	}
	return durations
}

// Replay is what rules say to packets.
func Replay(r *compiler.Result, way []trace.Event) ([]trace.Verdict, error) {
	h, err := Rules(r)
	if err != nil {
		return nil, err
	}
	var all []trace.Verdict
	for _, e := range way {
		all = append(all, h.Packet(e.At, e.Packet))
	}
	return all, nil
}
