package lang

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// comparing limits how much is compared to find knocks that open another's door: about so
// many pairs of steps. It is enough for any policy whose sequences differ.
const comparing = 100_000_000

// overlaps finds knocks whose door another knock's sequence opens too. Of each
// door the first such knock is named.
func (c *checker) overlaps(o *overlapping) {
	opened := c.sameSequences(o)
	for _, a := range c.policy.Knocks {
		if a.flawed {
			continue
		}
		for _, within := range o.within(a) {
			within.knocks = slices.DeleteFunc(within.knocks, func(b *Knock) bool { return opened[b] })
			for _, b := range within.knocks {
				if a != b && o.meet(a, b) {
					o.left -= len(a.Steps) * len(b.Steps)
					opened[b] = c.opens(a, b)
				}
			}
		}
		if o.left < 0 {
			c.tooAlike(a)
			return
		}
	}
}

// tooAlike says that the knocks from a on were not compared with the others.
func (c *checker) tooAlike(a *Knock) {
	c.add(CodeOpensOther, a.Name.Span, "the knocks from %s on may open other doors: too many sequences are alike to compare all of them", Quote(a.Name.Text)).
		hint("give each knock a step that few others have")
}

// overlapping finds sequences within others, and knocks that one source may knock at.
type overlapping struct {
	alike    map[*Knock]*alike // of each knock that has no errors
	byRarest map[bareStep][]*alike
	from     map[*Knock][]netip.Prefix // outermost ones, in order
	left     int                       // of what may be compared
}

// alike are the knocks with the same sequence.
type alike struct {
	steps  []Step
	knocks []*Knock
	coded  bool     // one of the steps needs a one-time code
	within []*alike // other sequences within this one, if they were looked for
	sought bool
}

// newOverlapping indexes each sequence by its rarest step in the policy. A sequence that
// opens the same door must contain that step.
func newOverlapping(p *Policy) *overlapping {
	o := &overlapping{map[*Knock]*alike{}, map[bareStep][]*alike{}, map[*Knock][]netip.Prefix{}, comparing}
	count := map[bareStep]int{}
	byText := map[string]*alike{}
	var inOrder []*alike
	for _, k := range p.Knocks {
		for _, s := range k.Steps {
			count[bare(s)]++
		}
		if k.flawed || len(k.Steps) == 0 {
			continue
		}
		o.from[k] = outermost(k.From)
		text := List(k.Steps)
		same := byText[text]
		if same == nil {
			same = &alike{steps: k.Steps, coded: k.CodeStep() >= 0}
			byText[text] = same
			inOrder = append(inOrder, same)
		}
		same.knocks = append(same.knocks, k)
		o.alike[k] = same
	}
	for _, s := range inOrder {
		if s.coded {
			continue // it is within no other, as nobody else has its codes
		}
		rarest := slices.MinFunc(s.steps, func(a, b Step) int { return cmp.Compare(count[bare(a)], count[bare(b)]) })
		o.byRarest[bare(rarest)] = append(o.byRarest[bare(rarest)], s)
	}
	return o
}

// within finds the sequences within that of a knock.
func (o *overlapping) within(k *Knock) []*alike {
	all := o.alike[k]
	switch {
	case all == nil:
		return nil
	case all.sought:
		return all.within
	}
	all.sought = true
	tried := map[bareStep]bool{}
	for _, s := range k.Steps {
		s := bare(s)
		if tried[s] {
			continue
		}
		tried[s] = true
		for _, other := range o.byRarest[s] {
			if o.left -= len(k.Steps); o.left < 0 {
				return nil
			}
			if isWithin(other.steps, k.Steps) {
				all.within = append(all.within, other)
			}
		}
	}
	return all.within
}

// sameSequences finds knocks whose sequence an earlier one has.
func (c *checker) sameSequences(o *overlapping) map[*Knock]bool {
	found := map[*Knock]bool{}
	for _, k := range c.policy.Knocks {
		if o.alike[k] == nil || o.alike[k].coded {
			continue
		}
		if first := o.alike[k].knocks[0]; first != k && o.meet(first, k) {
			found[k] = true
			f := c.add(CodeSameSequence, k.Name.Span, "knock %s has the same sequence as knock %s", Quote(k.Name.Text), Quote(first.Name.Text))
			if f.hint("make them one knock, or change a step"); List(k.At) != List(first.At) {
				f.hint("change a step")
			}
		}
	}
	return found
}

// bareStep is a step as it can be found, by its protocol and port; pings of all lengths
// are the same.
type bareStep uint32

func bare(s Step) bareStep { return bareStep(s.Proto)<<16 | bareStep(s.Port) }

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
	m := newMachine(b, 0, c.open)
	for i, s := range a.Steps {
		isOpen := lastAt(c.open, s.Proto, int(s.Port)) > 0
		elsewhere := !isOpen && !m.opening.has(s) && !m.closing.has(s)
		if p := m.attempt(i+1, s, elsewhere); p != nil {
			c.add(CodeOpensOther, b.Name.Span, "knock %s opens this door too, with its %s", Quote(a.Name.Text), stepList(p)).
				hint("change a step of one of them, or add `reset any` here")
			return true
		}
	}
	return false
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
