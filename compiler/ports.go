package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"knockc/lang"
)

// portRange is a range of ports that all play the same parts.
type portRange struct {
	proto       lang.Proto
	first, last uint16
	steps       []part        // in the order of the rules
	services    []*lang.Knock // in the order of the file
}

// part is a port's place in the sequence of a knock, counted from 1.
type part struct {
	knock *lang.Knock
	step  int
}

// opens reports whether it is the last step.
func (p part) opens() bool { return p.step == len(p.knock.Steps) }

func (p part) String() string {
	text := fmt.Sprintf("%s %d/%d", p.knock.Name.Text, p.step, len(p.knock.Steps))
	if p.opens() {
		text += " opens"
	}
	return text
}

// comment says what the ports are for, in full if it is not too long.
func (r *portRange) comment() string {
	const most = 8
	var says []string
	for _, p := range r.steps {
		says = append(says, p.String())
	}
	for _, k := range r.services {
		says = append(says, "service of "+k.Name.Text)
	}
	if more := len(says) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(says[:most], ", "), more)
	}
	return strings.Join(says, ", ")
}

// chain is the name of the chain that decides about the ports.
func (r *portRange) chain() string {
	if r.first == r.last {
		return fmt.Sprintf("%s_%d", r.proto, r.first)
	}
	return fmt.Sprintf("%s_%d_%d", r.proto, r.first, r.last)
}

// portRanges cuts the ports that a policy names into ranges that do not
// overlap, in order.
func portRanges(p *lang.Policy) []*portRange {
	ranges := append(stepPorts(p), serviceRanges(p, lang.TCP)...)
	ranges = append(ranges, serviceRanges(p, lang.UDP)...)
	slices.SortFunc(ranges, func(a, b *portRange) int {
		return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.first, b.first))
	})
	return ranges
}

// stepPorts gives each port that is a step its parts, of each knock the last
// step first.
func stepPorts(p *lang.Policy) []*portRange {
	type key struct {
		proto lang.Proto
		port  uint16
	}
	var ranges []*portRange
	at := map[key]*portRange{}
	for _, k := range p.Knocks {
		for step := len(k.Steps); step >= 1; step-- {
			s := k.Steps[step-1]
			r := at[key{s.Proto, s.Port}]
			if r == nil {
				r = &portRange{proto: s.Proto, first: s.Port, last: s.Port}
				at[key{s.Proto, s.Port}] = r
				ranges = append(ranges, r)
			}
			r.steps = append(r.steps, part{k, step})
		}
	}
	return ranges
}

// serviceRanges cuts the services of a protocol, which may overlap, at each
// place where the knocks that guard them change.
func serviceRanges(p *lang.Policy, proto lang.Proto) []*portRange {
	type edge struct {
		port  int // the first port that it holds for
		begin bool
		knock int
	}
	var edges []edge
	for i, k := range p.Knocks {
		for _, s := range k.Services {
			if s.Proto == proto {
				edges = append(edges, edge{int(s.First), true, i}, edge{int(s.Last) + 1, false, i})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.port, b.port) })

	var ranges []*portRange
	guards := map[int]int{} // how many services of each knock hold here
	for i, e := range edges {
		if e.begin {
			guards[e.knock]++
		} else if guards[e.knock]--; guards[e.knock] == 0 {
			delete(guards, e.knock)
		}
		if len(guards) == 0 || edges[i+1].port == e.port {
			continue
		}
		r := &portRange{proto: proto, first: uint16(e.port), last: uint16(edges[i+1].port - 1)}
		for _, k := range sortedKeys(guards) {
			r.services = append(r.services, p.Knocks[k])
		}
		ranges = append(ranges, r)
	}
	return ranges
}

func sortedKeys(m map[int]int) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
