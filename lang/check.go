package lang

import (
	"cmp"
	"slices"
)

// Check holds the parts of a policy against each other. It returns what is
// wrong in the order of the file.
func Check(p *Policy) []Finding {
	var found findings
	steps := stepsByPort(p)
	for _, k := range p.Knocks {
		for _, service := range k.Services {
			if s, ok := stepInService(service, steps); ok {
				found.errorf(CodeStep, service.Span, "service %s is also a step of knock %s", quote(s.String()), quote(s.knock)).
					hint("knock at another port")
			}
		}
	}
	SortFindings(found)
	return found
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
		for _, s := range k.Steps {
			steps = append(steps, knockStep{s, k.Name.Text})
		}
	}
	slices.SortStableFunc(steps, byPort)
	return steps
}

// stepInService finds the lowest step that a service covers: no packet can
// both move a knock and ask for what it guards.
func stepInService(s Service, steps []knockStep) (knockStep, bool) {
	lowest := knockStep{Step: Step{Proto: s.Proto, Port: s.First}}
	i, _ := slices.BinarySearchFunc(steps, lowest, byPort)
	if i < len(steps) && s.Has(steps[i].Proto, steps[i].Port) {
		return steps[i], true
	}
	return knockStep{}, false
}
