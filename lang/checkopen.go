package lang

import (
	"cmp"
	"slices"
)

// openDeclarations says what is wrong with the `open` declarations.
func (c *checker) openDeclarations() {
	whole := len(c.policy.flawedAt) == 0 // else a knock may lack a service
	for _, o := range c.policy.Settings.Open {
		forAll := o.ForAll()
		for _, service := range o.Services {
			c.openStep(service, forAll)
			if !forAll && whole {
				c.restricts(service)
			}
		}
	}
}

// openStep says that an open service is a step. For everyone it can be one: with
// `default drop`, a port in use can be a step only so.
func (c *checker) openStep(service Service, forAll bool) {
	step, ok := c.stepIn(service)
	switch {
	case !ok:
	case !forAll:
		c.add(CodeStep, service.Span, "the open service %s is also a step of knock %s", Quote(step.port().String()), Quote(step.knock)).
			hint("knock at another port")
	case step.Code:
		c.add(CodeOpenStep, service.Span, "the open service %s is also step %s of knock %s, which works only where no program answers",
			Quote(step.port().String()), Quote(step.String()), Quote(step.knock)).hint("choose a port that nobody uses for the code")
	default:
		f := c.add(CodeOpenStep, service.Span, "the open service %s is also a step: packets to it move knock %s", Quote(step.port().String()), Quote(step.knock))
		if f.hint("knock at a port that nobody uses"); !c.policy.Settings.DefaultDrop {
			f.hint("leave it out of `open`: with `default accept`, steps are not shut")
		}
	}
}

// restricts says that a service which is open for some keeps nobody else out.
func (c *checker) restricts(service Service) {
	if _, ok := gap(c.open, service); !ok {
		c.add(CodeOpenForNothing, service.Span, "%s is open to everyone by another `open`", Quote(service.String())).
			hint("leave it out of one of them")
		return
	}
	if left, ok := gap(c.guarded, service); ok && !c.policy.Settings.DefaultDrop {
		c.add(CodeOpenForNothing, service.Span, "no knock guards %s, so with `default accept` this `open` keeps nobody out", Quote(left.String())).
			hint("default drop")
	}
}

// guardedAndOpen says that everyone may reach a service of the knock. What the knock
// has by `at` is elsewhere: `open` applies to the host's own addresses.
func (c *checker) guardedAndOpen(k *Knock, service Service) {
	if _, elsewhere := k.Given[ClauseAt]; elsewhere {
		return
	}
	i := after(c.openToAll, service.Proto, int(service.Last)) - 1
	if i < 0 || c.reach[i].Proto != service.Proto || c.reach[i].Last < service.First {
		return
	}
	c.add(CodeOpen, service.Span, "service %s is guarded here but `open` in line %d", Quote(service.String()), c.reach[i].Span.Start.Line).
		hint("leave it out of one of them, or open it for some: open %s from 10.0.0.0/8", service)
}

// Merged are services in order, those that overlap or touch made one.
func Merged(services []Service) []Service {
	all := slices.Clone(services)
	slices.SortFunc(all, compareServices)
	var out []Service
	for _, s := range all {
		if n := len(out); n > 0 && out[n-1].Proto == s.Proto && int(s.First) <= int(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, s.Last)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func compareServices(a, b Service) int {
	return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First))
}

// after finds the place of the first of some services in order that begins after a port.
func after(services []Service, proto Proto, port int) int {
	i, _ := slices.BinarySearchFunc(services, port+1, func(s Service, port int) int {
		return cmp.Or(cmp.Compare(s.Proto, proto), cmp.Compare(int(s.First), port))
	})
	return i
}

// lastAt is the last port of the one of some merged services that a port belongs to,
// or 0.
func lastAt(services []Service, proto Proto, port int) int {
	i := after(services, proto, port) - 1
	if i < 0 || !services[i].Has(proto, uint16(port)) {
		return 0
	}
	return int(services[i].Last)
}

// gap is the first part of a service that none of some merged services has.
func gap(services []Service, s Service) (Service, bool) {
	if last := lastAt(services, s.Proto, int(s.First)); last >= int(s.Last) {
		return s, false
	} else if last > 0 {
		s.First = uint16(last + 1)
	}
	if i := after(services, s.Proto, int(s.First)); i < len(services) && services[i].Proto == s.Proto {
		s.Last = min(s.Last, services[i].First-1)
	}
	return s, true
}
