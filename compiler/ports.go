package compiler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"knockc/lang"
)

// point is what the rules tell apart of where attempts go: a range of ports that
// all mean the same, or a length of pings.
type point struct {
	proto       lang.Proto
	first, last uint16 // ports
	length      int    // of a ping; AnyLength: those that no step has

	listeners []*lang.Knock // those that have steps here, in the order of the file
	guards    []*lang.Knock // those whose services are here
	opens     []*lang.Open  // those whose services are here
}

// listenersAt are the listeners that have `at`.
func (p *point) listenersAt() []*lang.Knock {
	return slices.DeleteFunc(slices.Clone(p.listeners), func(k *lang.Knock) bool { return len(k.At) == 0 })
}

// has reports whether attempts at the point are at a step.
func (p *point) has(s lang.Step) bool {
	if p.proto != lang.Ping {
		return s.Proto == p.proto && s.Port == p.first
	}
	return s.Proto == lang.Ping && (s.Length == lang.AnyLength || s.Length == p.length)
}

// at are the steps of a sequence that attempts at the point are at, counted from
// 1, the last first.
func (p *point) at(steps []lang.Step) []int {
	var at []int
	for i := len(steps); i >= 1; i-- {
		if p.has(steps[i-1]) {
			at = append(at, i)
		}
	}
	return at
}

// name is the point's part of the name of a chain.
func (p *point) name() string {
	switch {
	case p.proto == lang.Ping && p.length == lang.AnyLength:
		return "ping_other"
	case p.proto == lang.Ping:
		return fmt.Sprintf("ping_%d", p.length)
	case p.first == p.last:
		return fmt.Sprintf("%s_%d", p.proto, p.first)
	}
	return fmt.Sprintf("%s_%d_%d", p.proto, p.first, p.last)
}

// String is the point as a policy has it.
func (p *point) String() string {
	if p.proto == lang.Ping {
		return lang.Step{Proto: lang.Ping, Length: p.length}.String()
	}
	return lang.Service{Proto: p.proto, First: p.first, Last: p.last}.String()
}

// comment says what the point is for, in full if it is not too long.
func (p *point) comment() string {
	const most = 8
	var says []string
	for _, k := range p.listeners {
		for _, i := range p.at(k.Close) {
			says = append(says, partName(k, k.Close, i)+" of close")
		}
		for _, i := range p.at(k.Steps) {
			says = append(says, partName(k, k.Steps, i))
		}
	}
	for _, k := range p.guards {
		says = append(says, "service of "+k.Name.Text)
	}
	if more := len(says) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(says[:most], ", "), more)
	}
	return strings.Join(says, ", ")
}

// partName names a step of a sequence, counted from 1: `ssh 2/4`.
func partName(k *lang.Knock, steps []lang.Step, i int) string {
	return fmt.Sprintf("%s %d/%d", k.Name.Text, i, len(steps))
}

// cut cuts all that a policy names into points, in order.
func (b *builder) cut() {
	p := b.policy
	b.steps, b.pings = stepPorts(p), pings(p)
	var served []*point
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		served = append(served, servicePorts(p, proto)...)
	}
	for _, points := range [][]*point{b.steps, served} {
		slices.SortFunc(points, func(a, b *point) int {
			return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.first, b.first))
		})
	}
	for _, at := range served {
		if len(at.guards) > 0 {
			b.services = append(b.services, at)
		}
		if len(at.opens) > 0 {
			b.opens = append(b.opens, at)
		}
	}
	for _, at := range b.steps {
		for _, o := range served {
			if o.proto == at.proto && o.first <= at.first && at.first <= o.last {
				at.opens = o.opens
			}
		}
	}
}

// stepPorts are the points of the ports that are steps.
func stepPorts(p *lang.Policy) []*point {
	type key struct {
		proto lang.Proto
		port  uint16
	}
	var points []*point
	at := map[key]*point{}
	for _, k := range p.Knocks {
		for _, s := range k.AllSteps() {
			if s.Proto == lang.Ping {
				continue
			}
			pt := at[key{s.Proto, s.Port}]
			if pt == nil {
				pt = &point{proto: s.Proto, first: s.Port, last: s.Port}
				at[key{s.Proto, s.Port}] = pt
				points = append(points, pt)
			}
			if n := len(pt.listeners); n == 0 || pt.listeners[n-1] != k {
				pt.listeners = append(pt.listeners, k)
			}
		}
	}
	return points
}

// servicePorts cuts the services of a protocol, which may overlap, at each place
// where the knocks that guard them, or the declarations that open them, change.
func servicePorts(p *lang.Policy, proto lang.Proto) []*point {
	type edge struct {
		port  int // the first port that it holds for
		begin bool
		of    int // the index of a knock, or of an `open` after all knocks
	}
	var edges []edge
	add := func(services []lang.Service, of int) {
		for _, s := range services {
			if s.Proto == proto {
				edges = append(edges, edge{int(s.First), true, of}, edge{int(s.Last) + 1, false, of})
			}
		}
	}
	for i, k := range p.Knocks {
		add(k.Services, i)
	}
	for i, o := range p.Settings.Open {
		add(o.Services, len(p.Knocks)+i)
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.port, b.port) })

	var points []*point
	holds := map[int]int{} // how many services of each hold here
	for i, e := range edges {
		if e.begin {
			holds[e.of]++
		} else if holds[e.of]--; holds[e.of] == 0 {
			delete(holds, e.of)
		}
		if len(holds) == 0 || edges[i+1].port == e.port {
			continue
		}
		pt := &point{proto: proto, first: uint16(e.port), last: uint16(edges[i+1].port - 1)}
		for _, of := range slices.Sorted(maps.Keys(holds)) {
			if of < len(p.Knocks) {
				pt.guards = append(pt.guards, p.Knocks[of])
			} else {
				pt.opens = append(pt.opens, &p.Settings.Open[of-len(p.Knocks)])
			}
		}
		points = append(points, pt)
	}
	return points
}

// pings are the points of pings, the one of all other lengths last. There are
// none if no knock listens to pings.
func pings(p *lang.Policy) []*point {
	var listeners []*lang.Knock
	lengths := map[int]bool{}
	for _, k := range p.Knocks {
		for _, s := range k.AllSteps() {
			if s.Proto != lang.Ping {
				continue
			}
			if s.Length != lang.AnyLength {
				lengths[s.Length] = true
			}
			if n := len(listeners); n == 0 || listeners[n-1] != k {
				listeners = append(listeners, k)
			}
		}
	}
	if len(listeners) == 0 {
		return nil
	}
	var points []*point
	for _, length := range append(slices.Sorted(maps.Keys(lengths)), lang.AnyLength) {
		pt := &point{proto: lang.Ping, length: length}
		for _, k := range listeners {
			if slices.ContainsFunc(k.AllSteps(), pt.has) {
				pt.listeners = append(pt.listeners, k)
			}
		}
		points = append(points, pt)
	}
	return points
}
