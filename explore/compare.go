package explore

import (
	"context"
	"slices"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang/trace"
)

// Compare looks for a short way at whose end the rules of two policies decide in different
// ways about an attempt. A knock of either says which packets matter; "" stands for all
// knocks. For each source it tries so many packets at most. It returns nil if it finds no
// way.
func Compare(ctx context.Context, old, is *compiler.Result, knock string, limit int) (*Difference, error) {
	var best *Difference
	for _, s := range comparisons(old, is, knock, limit) {
		if best != nil && len(best.Way) == 1 {
			break // nothing is shorter
		} else if best != nil {
			s.Depth = len(best.Way) - 1
		}
		for _, r := range []*compiler.Result{old, is} {
			h, err := Rules(r)
			if err != nil {
				return nil, err
			}
			s.Hosts = append(s.Hosts, h)
		}
		if d := s.Run(ctx).Differs; d != nil {
			best = d
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return best, nil
}

// comparisons are searches for the sources of a knock in both policies: all at once for all of
// them, then in time for one of each kind.
func comparisons(old, is *compiler.Result, knock string, limit int) []*Search {
	var atOnce, inTime []*Search
	have := map[Sender]bool{}
	both := []*compiler.Result{is, old}
	for _, r := range both {
		for _, k := range knocksOf(r.Policy) {
			if knock != "" && k.Name.Text != knock {
				continue
			}
			for _, f := range compiler.Families {
				kinds := senders(r.Policy, k, f)
				for _, from := range append(kinds, allSenders(r.Policy, k, f)...) {
					isKind := slices.Contains(kinds, from)
					if from.Kind = Admitted; have[from] {
						continue // it is the same source to the other policy
					}
					have[from] = true
					atOnce = append(atOnce, &Search{Src: from.Src, Limit: min(limit, mostAtOnce), Packets: drawFor(both, knock, from, true)})
					if isKind {
						inTime = append(inTime, &Search{Src: from.Src, Limit: limit, Packets: drawFor(both, knock, from, false), Durations: durationsOf(both, knock)})
					}
				}
			}
		}
	}
	return append(atOnce, inTime...)
}

// drawFor are packets that matter to a knock of several policies.
func drawFor(all []*compiler.Result, knock string, from Sender, wide bool) []trace.Packet {
	d := &drawn{from: from, have: map[string]bool{}}
	for _, r := range all {
		d.policy = r.Policy
		for _, k := range knocksOf(r.Policy) {
			if knock != "" && k.Name.Text != knock {
				continue
			}
			if d.attempts(k); wide {
				d.wide(k)
			}
		}
	}
	return d.all[:min(len(d.all), 2*mostWide)]
}

func durationsOf(all []*compiler.Result, knock string) (durations []time.Duration) {
	for _, r := range all {
		for _, k := range r.Policy.Knocks {
			if knock == "" || k.Name.Text == knock {
				durations = append(durations, timesOf(k)...)
			}
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
