package lang

import (
	"fmt"
	"slices"
	"strings"
)

// overlaps finds knocks whose door another knock's sequence opens too. Of each
// door the first such knock is named.
func (c *checker) overlaps() {
	byEnds := map[[2]Step][]*Knock{}
	whole := map[string]*Knock{}
	opened := map[*Knock]bool{}
	for _, k := range c.policy.Knocks {
		if k.flawed || len(k.Steps) == 0 {
			continue
		}
		e := ends(k.Steps[0], k.Steps[len(k.Steps)-1])
		byEnds[e] = append(byEnds[e], k)
		sequence := list(k.Steps)
		if first, ok := whole[sequence]; ok {
			opened[k] = true
			c.add(CodeSameSequence, k.Name.Span, "knock %s has the same sequence as knock %s", Quote(k.Name.Text), Quote(first.Name.Text)).
				hint("make them one knock, or change a step")
			continue
		}
		whole[sequence] = k
	}
	for _, a := range c.policy.Knocks {
		if a.flawed {
			continue
		}
		for i := range a.Steps {
			for j := i; j < len(a.Steps); j++ {
				for _, b := range byEnds[ends(a.Steps[i], a.Steps[j])] {
					if a != b && !opened[b] {
						opened[b] = c.opens(a, b)
					}
				}
			}
		}
	}
}

// ends is what knocks are found by; pings of all lengths are the same here.
func ends(first, last Step) [2]Step {
	bare := func(s Step) Step { return Step{Proto: s.Proto, Port: s.Port} }
	return [2]Step{bare(first), bare(last)}
}

// opens says so if knocking at a opens b as well.
func (c *checker) opens(a, b *Knock) bool {
	path := c.walk(a.Steps, b)
	if path == nil || list(a.Steps) == list(b.Steps) {
		return false
	}
	c.add(CodeOpensOther, b.Name.Span, "knock %s opens this door too, with its %s", Quote(a.Name.Text), stepList(path)).
		hint("change a step of one of them, or add `reset any` here")
	return true
}

// walk lets a source make attempts, one after the other in no time, and returns
// which of them (from 1) open the knock's door, or nil.
func (c *checker) walk(attempts []Step, k *Knock) []int {
	paths := make([][]int, len(k.Steps)+1) // of the attempts that made each step
	furthest := 0
	for n, attempt := range attempts {
		if k.Reset.Mode != ResetNone && !c.harmlessAttempt(k, furthest, attempt) {
			clear(paths)
			furthest = 0
			continue
		}
		for i := len(k.Steps); i >= 1; i-- {
			if !matches(k.Steps[i-1], attempt) || i > 1 && paths[i-1] == nil {
				continue
			}
			paths[i] = append(slices.Clip(paths[i-1]), n+1)
			furthest = max(furthest, i)
		}
		if paths[len(k.Steps)] != nil {
			return paths[len(k.Steps)]
		}
	}
	return nil
}

// harmlessAttempt is harmless for pings too.
func (c *checker) harmlessAttempt(k *Knock, i int, attempt Step) bool {
	if attempt.Proto != Ping {
		return c.harmless(k, i, attempt)
	}
	return slices.ContainsFunc(append(slices.Clip(k.Steps[:min(i+1, len(k.Steps))]), k.Close...), func(s Step) bool { return matches(s, attempt) })
}

// matches reports whether an attempt is at a step.
func matches(s, attempt Step) bool {
	return s.Proto == attempt.Proto && s.Port == attempt.Port && (s.Proto != Ping || s.Length == AnyLength || s.Length == attempt.Length)
}

// stepList names steps by number: `steps 1, 3 and 4`.
func stepList(numbers []int) string {
	if len(numbers) == 1 {
		return fmt.Sprintf("step %d", numbers[0])
	}
	var words []string
	for _, n := range numbers {
		words = append(words, fmt.Sprint(n))
	}
	return fmt.Sprintf("steps %s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
