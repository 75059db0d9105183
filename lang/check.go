package lang

import (
	"cmp"
	"slices"
)

// Examine reads a policy and checks it. It returns all findings about the text in
// order, except those that the text itself silences.
func Examine(src []byte) (*Policy, []Finding) {
	policy, found := Parse(src)
	found = append(found, Check(policy)...)
	if HasErrors(found) { // one of them may be why there is no knock
		found = slices.DeleteFunc(found, func(f Finding) bool { return f.Code == CodeEmpty })
	}
	SortFindings(found)
	return policy, found
}

// Errors is [Examine] without advice, which takes longer: it finds only what keeps the
// policy from being used.
func Errors(src []byte) (*Policy, []Finding) {
	policy, found := Parse(src)
	if !policy.stopped {
		c := newChecker(policy)
		c.contradictions()
		found = append(found, c.findings...)
	}
	SortFindings(found)
	return policy, AtLeast(Error, found)
}

// Check compares the parts of a policy with each other, and finds how its knocks may
// fail. The findings are in the order of the file. In knocks that could not be read
// completely, it looks only for errors. It has no findings about a policy that was not
// read to its end.
func Check(p *Policy) []Finding {
	if p.stopped {
		return nil
	}
	c := newChecker(p)
	c.contradictions()
	for _, k := range p.Knocks {
		if !k.flawed {
			c.knock(k)
		}
	}
	c.secret()
	c.overlaps(newOverlapping(p))
	SortFindings(c.findings)
	return silence(p, c.findings)
}

// contradictions finds all errors, and some of the advice.
func (c *checker) contradictions() {
	for _, k := range c.policy.Knocks {
		c.errors(k)
	}
	c.settings()
}

type checker struct {
	findings
	policy      *Policy
	steps       []knockStep // of the whole policy, TCP and UDP
	closedSteps []knockStep // those that are not open to everyone
	openToAll   []Service   // in order
	reach       []Service   // for each of those, the one up to it with the highest last port
	open        []Service   // those, merged
	guarded     []Service   // of the whole policy, merged
}

func newChecker(p *Policy) *checker {
	c := &checker{policy: p, steps: stepsByPort(p), openToAll: p.Settings.OpenToAll()}
	slices.SortStableFunc(c.openToAll, compareServices)
	for i, s := range c.openToAll {
		if i > 0 && c.reach[i-1].Proto == s.Proto && c.reach[i-1].Last >= s.Last {
			s = c.reach[i-1]
		}
		c.reach = append(c.reach, s)
	}
	c.open = Merged(c.openToAll)
	c.closedSteps = slices.DeleteFunc(slices.Clone(c.steps), func(s knockStep) bool { return lastAt(c.open, s.Proto, int(s.Port)) > 0 })
	for _, k := range p.Knocks {
		c.guarded = append(c.guarded, k.Services...)
	}
	c.guarded = Merged(c.guarded)
	return c
}

// errors finds what makes a knock contradict another part of the policy.
func (c *checker) errors(k *Knock) {
	for _, service := range k.Services {
		if s, ok := c.stepIn(service); ok {
			c.add(CodeStep, service.Span, "service %s is also a step of knock %s", Quote(s.port().String()), Quote(s.knock)).
				hint("knock at another port")
		}
		c.guardedAndOpen(k, service)
	}
	c.codes(k)
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
	c.defaults(&c.policy.Defaults)
	if !c.policy.hasKnock {
		c.add(CodeEmpty, c.policy.begin, "this policy has no knock and guards nothing").hint("knock ssh < 10000 2345 3456 1234 -> 22 >")
	}
	c.openDeclarations()
	c.defaultCodes()
	c.priority()
	c.refuse()
}

// priority holds that of the prerouting hook between connection tracking, which must
// know a packet before the rules do, and translation, which they must come before.
func (c *checker) priority() {
	s := &c.policy.Settings
	outside := s.Priority < minPrerouting || maxPrerouting < s.Priority
	if s.Hook != HookPrerouting || s.priorityAt == (Span{}) || !outside || c.policy.flawedAt[s.Given[SettingHook].Start.Offset] {
		return
	}
	c.add(CodeNumber, s.priorityAt, "`%d` is out of range: with `hook prerouting` a priority is %d to %d", s.Priority, minPrerouting, maxPrerouting).
		hint("leave it out, or write `hook input`")
}

// refuse says that guarded ports do not look like their neighbours. What a knock has by
// `at` is beside the ports of another host, to which `default` does not apply.
func (c *checker) refuse() {
	s := &c.policy.Settings
	i := slices.IndexFunc(c.policy.Knocks, func(k *Knock) bool { return len(k.Services) > 0 && (!s.DefaultDrop || len(k.At) == 0) })
	if i < 0 || len(c.policy.flawedAt) > 0 || s.RefuseReject != s.DefaultDrop {
		return
	}
	service := c.policy.Knocks[i].Services[0]
	at, given := s.Given[SettingRefuse]
	if !given {
		at = service.Span
	}
	if s.RefuseReject {
		c.add(CodeRefuse, at, "service %s answers while other ports are silent, so a scan can find it", Quote(service.String())).hint("refuse drop")
		return
	}
	f := c.add(CodeRefuse, at, "service %s is silent while closed ports beside it answer, so a scan can find it", Quote(service.String()))
	if f.hint("refuse reject"); !given {
		top := Pos{Line: 1, Column: 1}
		f.Fix = Edit{Span{top, top}, "refuse reject\n"}
	}
}

// knockStep is a step and the knock it belongs to.
type knockStep struct {
	*Step
	knock string
}

// port is the port of the step as a service has it.
func (s knockStep) port() Service { return Service{Proto: s.Proto, First: s.Port, Last: s.Port} }

func byPort(a, b knockStep) int { return cmp.Compare(bare(*a.Step), bare(*b.Step)) }

func stepsByPort(p *Policy) []knockStep {
	n := 0
	for _, k := range p.Knocks {
		n += len(k.Steps) + len(k.Close)
	}
	steps := make([]knockStep, 0, n)
	for _, k := range p.Knocks {
		all := k.AllSteps()
		for i := range all {
			if s := &all[i]; s.Proto != Ping {
				steps = append(steps, knockStep{s, k.Name.Text})
			}
		}
	}
	slices.SortFunc(steps, func(a, b knockStep) int {
		return cmp.Or(byPort(a, b), cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset))
	})
	return steps
}

// stepIn finds the lowest step that a service covers.
func (c *checker) stepIn(s Service) (knockStep, bool) {
	lowest := knockStep{Step: &Step{Proto: s.Proto, Port: s.First}}
	i, _ := slices.BinarySearchFunc(c.steps, lowest, byPort)
	if i < len(c.steps) && s.Has(c.steps[i].Proto, c.steps[i].Port) {
		return c.steps[i], true
	}
	return knockStep{}, false
}
