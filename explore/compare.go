package explore

import (
	"context"
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// Compare looks for the shortest way at whose end the rules of two policies decide in
// different ways about an attempt. A knock of either says which packets matter; "" stands
// for all knocks. For each source it tries so many packets at most. It returns nil if
// it finds no way.
func Compare(ctx context.Context, old, is *compiler.Result, knock string, limit int) (*Difference, error) {
	var best *Difference
	for _, s := range comparisons(old, is, knock) {
		for _, r := range []*compiler.Result{old, is} {
			h, err := Rules(r)
			if err != nil {
				return nil, err
			}
			s.Hosts = append(s.Hosts, h)
		}
		s.Limit = limit
		if best != nil && len(best.Way) == 1 {
			break // nothing is shorter
		} else if best != nil {
			s.Depth = len(best.Way) - 1
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

// comparisons are searches for each kind of source of a knock, in both policies.
func comparisons(old, is *compiler.Result, knock string) (all []*Search) {
	have := map[Sender]bool{}
	for _, r := range []*compiler.Result{is, old} {
		for _, k := range r.Policy.Knocks {
			if knock != "" && k.Name.Text != knock {
				continue
			}
			for _, f := range compiler.Families {
				for _, from := range Senders(r.Policy, k, f) {
					if from.Kind = Admitted; have[from] {
						continue // it is the same source to the other policy
					}
					have[from] = true
					all = append(all, comparison(old, is, knock, from))
				}
			}
		}
	}
	return all
}

func comparison(old, is *compiler.Result, knock string, from Sender) *Search {
	s := &Search{Src: from.Src}
	d := &drawn{from: from, have: map[string]bool{}}
	for _, r := range []*compiler.Result{old, is} {
		d.policy = r.Policy
		for _, k := range r.Policy.Knocks {
			if knock == "" || k.Name.Text == knock {
				d.attempts(k)
				s.Durations = append(s.Durations, Durations(k)...)
			}
		}
	}
	s.Packets = d.all
	return s
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

// Lost is a knock that begins again when another policy is loaded: its door shuts for
// everyone, and nobody has done any step.
type Lost struct {
	Knock string
	Way   Way // to the open door, with the old rules
}

// Losses are the knocks that are in both policies, and begin again when one takes the place of
// the other.
func Losses(old, is *compiler.Result) (all []Lost, err error) {
	for _, k := range old.Policy.Knocks {
		if !slices.ContainsFunc(is.Policy.Knocks, func(n *lang.Knock) bool { return n.Name.Text == k.Name.Text }) {
			continue
		}
		was, _ := old.Symbols.Grant(k.Name.Text)
		now, _ := is.Symbols.Grant(k.Name.Text)
		if was == now {
			continue
		}
		lost := Lost{Knock: k.Name.Text}
		for _, f := range compiler.Families {
			for _, from := range Senders(old.Policy, k, f) {
				if from.Kind == Admitted && lost.Way == nil {
					if lost.Way, _, err = Ways(old, k, from); err != nil {
						return nil, err
					}
				}
			}
		}
		all = append(all, lost)
	}
	return all, nil
}
