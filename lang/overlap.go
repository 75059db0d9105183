package lang

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// overlaps finds knocks whose door another knock's sequence opens too. Of each
// door the first such knock is named.
func (c *checker) overlaps() {
	opened := c.sameSequences()
	byRarest := c.byRarestStep()
	for _, a := range c.policy.Knocks {
		if a.flawed {
			continue
		}
		tried := map[Step]bool{}
		for _, s := range a.Steps {
			if s = bare(s); tried[s] {
				continue
			}
			tried[s] = true
			for _, b := range byRarest[s] {
				if a != b && !opened[b] && isWithin(b.Steps, a.Steps) {
					opened[b] = c.opens(a, b)
				}
			}
		}
	}
}

// sameSequences finds knocks whose sequence an earlier one has.
func (c *checker) sameSequences() map[*Knock]bool {
	found := map[*Knock]bool{}
	whole := map[string]*Knock{}
	for _, k := range c.policy.Knocks {
		if k.flawed {
			continue
		}
		sequence := List(k.Steps)
		if first := whole[sequence]; first == nil {
			whole[sequence] = k
		} else if meet(first, k) {
			found[k] = true
			f := c.add(CodeSameSequence, k.Name.Span, "knock %s has the same sequence as knock %s", Quote(k.Name.Text), Quote(first.Name.Text))
			if f.hint("make them one knock, or change a step"); List(k.At) != List(first.At) {
				f.hint("change a step")
			}
		}
	}
	return found
}

// byRarestStep indexes each knock by its rarest step in the policy. A sequence that
// opens the knock must contain that step.
func (c *checker) byRarestStep() map[Step][]*Knock {
	count := map[Step]int{}
	for _, k := range c.policy.Knocks {
		for _, s := range k.Steps {
			count[bare(s)]++
		}
	}
	by := map[Step][]*Knock{}
	for _, k := range c.policy.Knocks {
		if k.flawed || len(k.Steps) == 0 {
			continue
		}
		rarest := slices.MinFunc(k.Steps, func(a, b Step) int { return cmp.Compare(count[bare(a)], count[bare(b)]) })
		by[bare(rarest)] = append(by[bare(rarest)], k)
	}
	return by
}

// bare is a step by which it can be found; pings of all lengths are the same.
func bare(s Step) Step { return Step{Proto: s.Proto, Port: s.Port} }

// isWithin reports whether steps are found among attempts, in order, and are not
// the same.
func isWithin(steps, attempts []Step) bool {
	n := 0
	for _, a := range attempts {
		if n < len(steps) && matches(steps[n], a) {
			n++
		}
	}
	same := func(a, b Step) bool { return bare(a) == bare(b) && a.Length == b.Length }
	return n == len(steps) && !slices.EqualFunc(steps, attempts, same)
}

// opens says so if knocking at a opens b as well.
func (c *checker) opens(a, b *Knock) bool {
	if !meet(a, b) {
		return false
	}
	m := newMachine(b, 0, c.open)
	for i, s := range a.Steps {
		isStep := func(own Step) bool { return matches(own, s) }
		isOpen := lastAt(c.open, s.Proto, int(s.Port)) > 0
		elsewhere := !isOpen && !slices.ContainsFunc(b.Steps, isStep) && !slices.ContainsFunc(b.Close, isStep)
		if p := m.attempt(i+1, s, elsewhere); p != nil {
			c.add(CodeOpensOther, b.Name.Span, "knock %s opens this door too, with its %s", Quote(a.Name.Text), stepList(p)).
				hint("change a step of one of them, or add `reset any` here")
			return true
		}
	}
	return false
}

// meet reports whether one source may knock at both.
func meet(a, b *Knock) bool {
	return meetAny(a.From, b.From, func(p, q Prefix) bool { return p.Overlaps(q.Prefix) }) &&
		meetAny(a.On, b.On, func(p, q Iface) bool {
			return p.Name == q.Name || p.Wildcard && strings.HasPrefix(q.Name, p.Name) || q.Wildcard && strings.HasPrefix(p.Name, q.Name)
		})
}

// meetAny reports whether a pair meets; an empty list stands for everything.
func meetAny[T any](a, b []T, meet func(T, T) bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	return slices.ContainsFunc(a, func(x T) bool {
		return slices.ContainsFunc(b, func(y T) bool { return meet(x, y) })
	})
}

// stepList names the steps of a path by number: `steps 1, 3 and 4`.
func stepList(p *path) string {
	var words []string
	for ; p != nil; p = p.before {
		words = append(words, fmt.Sprint(p.attempt))
	}
	slices.Reverse(words)
	if len(words) == 1 {
		return "step " + words[0]
	}
	return fmt.Sprintf("steps %s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
