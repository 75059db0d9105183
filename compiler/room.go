package compiler

import (
	"fmt"

	"example.org/knockc/lang"
)

// MaxInstructions limits the instructions in the rules of a policy, including the elements
// of their lists. Pairs of steps, of knocks or of sources can take any number of them.
const MaxInstructions = 2_000_000

// room counts how many more instructions there may be.
type room struct {
	left int
	at   lang.Span // the part of the policy that takes room, or that took the last of it
	full bool      // there were too many
}

// use notes which part of the policy the next instructions are for.
func (r *room) use(at lang.Span) {
	if !r.full {
		r.at = at
	}
}

// take takes room for some instructions; false if there is none left.
func (r *room) take(n int) bool {
	r.left -= n
	r.full = r.full || r.left < 0
	return !r.full
}

// finding says that there was not enough room.
func (r *room) finding() lang.Finding {
	return lang.Finding{
		Code:     lang.CodeNumber,
		Severity: lang.Error,
		Span:     r.at,
		Message:  fmt.Sprintf("this policy takes too many rules: more than %d instructions up to here", MaxInstructions),
		Hint:     "it is pairs that take most: of a sequence's steps with `reset`, of ports and knocks, of `from` and `on`",
	}
}

// atMost estimates, quickly, how many instructions a policy takes. It takes no more.
func atMost(p *lang.Policy) int {
	n := 5000 + 50*(len(p.Settings.TrustPrefixes)+len(p.Settings.TrustIfaces))
	var steps, services, ranges, pings, anyPings int
	pers := map[lang.Per]bool{}
	for _, k := range p.Knocks {
		own := k.AllSteps()
		for _, s := range own {
			pings += bit(s.Proto == lang.Ping)
			anyPings += bit(s.Proto == lang.Ping && s.Length == lang.AnyLength)
		}
		steps += len(own)
		services += len(k.Services)
		ranges += rangesOf(k.Services)
		pers[k.Per] = true
		n += 10*len(own)*len(own) + 30*(len(own)+len(k.Services)+4)*(1+len(k.From))*(1+len(k.On))*(1+len(k.At))
	}
	for _, o := range p.Settings.Open {
		services += len(o.Services)
		ranges += rangesOf(o.Services)
	}
	cuts := 1 + 2*ranges // into how many points a service may be cut
	for _, o := range p.Settings.Open {
		n += 30 * len(o.Services) * cuts * (1 + len(o.From)) * (1 + len(o.On))
	}
	return n + 60*(steps+services*cuts+pings*anyPings+len(pers)*len(p.Knocks))
}

func rangesOf(services []lang.Service) (n int) {
	for _, s := range services {
		n += bit(s.First < s.Last)
	}
	return n
}
