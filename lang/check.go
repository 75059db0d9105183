package lang

import (
	"cmp"
	"slices"
)

// Examine reads a policy and checks it: all that is to be said of its text, in
// order, less what the text itself silences.
func Examine(src []byte) (*Policy, []Finding) {
	policy, found := Parse(src)
	found = append(found, Check(policy)...)
	SortFindings(found)
	return policy, found
}

// Check holds the parts of a policy against each other, and finds how its knocks
// may fail. It returns what it has to say in the order of the file. Knocks that
// could not be read whole are only looked at for errors.
func Check(p *Policy) []Finding {
	c := &checker{policy: p, steps: stepsByPort(p), open: merged(p.Settings.OpenToAll())}
	for _, k := range p.Knocks {
		c.errors(k)
	}
	c.settings()
	for _, k := range p.Knocks {
		if !k.flawed {
			c.knock(k)
		}
	}
	c.overlaps()
	SortFindings(c.findings)
	return silence(p, c.findings)
}

type checker struct {
	findings
	policy *Policy
	steps  []knockStep // of the whole policy, TCP and UDP
	open   []Service   // merged
}

// errors finds what makes a knock contradict another part of the policy.
func (c *checker) errors(k *Knock) {
	for _, service := range k.Services {
		if s, ok := c.stepIn(service); ok {
			c.add(CodeStep, service.Span, "service %s is also a step of knock %s", Quote(s.String()), Quote(s.knock)).
				hint("knock at another port")
		}
		for _, open := range c.policy.Settings.OpenToAll() {
			if open.Proto == service.Proto && open.First <= service.Last && service.First <= open.Last {
				c.add(CodeOpen, service.Span, "service %s is guarded here and `open` in line %d", Quote(service.String()), open.Span.Start.Line).
					hint("leave it out of one of them")
			}
		}
	}
	if !k.flawed && len(k.Steps) > 0 && onePingAnswers(k.Steps) {
		c.add(CodePings, k.Steps[0].Span.To(k.Steps[len(k.Steps)-1].Span), "anyone who pings the host a few times opens this door").
			hint("add a port, or pings of different lengths")
	}
}

// onePingAnswers reports whether pings of one length are the whole sequence.
func onePingAnswers(steps []Step) bool {
	length := AnyLength
	for _, s := range steps {
		if s.Proto != Ping || s.Length != AnyLength && length != AnyLength && s.Length != length {
			return false
		}
		length = max(length, s.Length)
	}
	return true
}

func (c *checker) settings() {
	s := &c.policy.Settings
	c.defaults(&c.policy.Defaults)
	if !c.policy.hasKnock {
		c.add(CodeEmpty, c.policy.begin, "this policy has no knock and guards nothing").hint("knock ssh < 10000 2345 3456 1234 -> 22 >")
	}
	for _, open := range s.OpenToAll() {
		if step, ok := c.stepIn(open); ok {
			c.add(CodeStep, open.Span, "the open service %s is also a step of knock %s", Quote(step.String()), Quote(step.knock)).
				hint("knock at another port")
		}
	}
	if s.refuseDrop && !s.DefaultDrop {
		c.add(CodeRefuse, s.Given["refuse"], "closed ports of the host answer and refused ones do not, so a scan tells them apart").
			hint("refuse reject, or default drop")
	}
}

// knockStep is a step and the knock it belongs to.
type knockStep struct {
	Step
	knock string
}

func byPort(a, b knockStep) int {
	return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
}

func stepsByPort(p *Policy) []knockStep {
	var steps []knockStep
	for _, k := range p.Knocks {
		for _, s := range append(slices.Clip(k.Steps), k.Close...) {
			if s.Proto != Ping {
				steps = append(steps, knockStep{s, k.Name.Text})
			}
		}
	}
	slices.SortFunc(steps, func(a, b knockStep) int {
		return cmp.Or(byPort(a, b), cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset))
	})
	return steps
}

// stepIn finds the lowest step that a service covers: no packet can both move a
// knock and ask for what it guards.
func (c *checker) stepIn(s Service) (knockStep, bool) {
	lowest := knockStep{Step: Step{Proto: s.Proto, Port: s.First}}
	i, _ := slices.BinarySearchFunc(c.steps, lowest, byPort)
	if i < len(c.steps) && s.Has(c.steps[i].Proto, c.steps[i].Port) {
		return c.steps[i], true
	}
	return knockStep{}, false
}
