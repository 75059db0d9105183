package compiler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/knockc/lang"
)

// point is a point with what a policy has there.
type point struct {
	Point
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
	if p.Proto != lang.Ping {
		return s.Proto == p.Proto && s.Port == p.First
	}
	return s.Proto == lang.Ping && (s.Length == lang.AnyLength || s.Length == p.Length)
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

// comment says what the point is for, in full if it is not too long.
func (p *point) comment() string {
	const most = 8
	var says []string
	for _, k := range p.listeners {
		for _, i := range p.at(k.Close) {
			says = append(says, closeLegend(k, i).Comment())
		}
		for _, i := range p.at(k.Steps) {
			says = append(says, stepText(k.Name.Text, i, len(k.Steps)))
		}
	}
	for _, k := range p.guards {
		says = append(says, Legend{For: ForService, Knock: k.Name.Text}.Comment())
	}
	if more := len(says) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(says[:most], ", "), more)
	}
	return strings.Join(says, ", ")
}

// cut cuts all that a policy names into points, in order.
func (b *builder) cut() {
	p := b.policy
	b.steps, b.pings = stepPorts(p), pings(p, b.room)
	var served []*point
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		served = append(served, servicePorts(p, proto, b.room)...)
	}
	for _, points := range [][]*point{b.steps, served} {
		slices.SortFunc(points, func(a, b *point) int {
			return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.First, b.First))
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
		i, _ := slices.BinarySearchFunc(served, at, func(o, at *point) int {
			return cmp.Or(cmp.Compare(o.Proto, at.Proto), cmp.Compare(o.Last, at.First))
		})
		if i < len(served) && served[i].Proto == at.Proto && served[i].First <= at.First {
			at.opens = served[i].opens
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
				pt = &point{Point: Point{Proto: s.Proto, First: s.Port, Last: s.Port}}
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
func servicePorts(p *lang.Policy, proto lang.Proto, r *room) []*point {
	type edge struct {
		port    int // the first port that it holds for
		begin   bool
		of      int // the index of a knock, or of an `open` after all knocks
		service *lang.Service
	}
	var edges []edge
	add := func(services []lang.Service, of int) {
		for i := range services {
			if s := &services[i]; s.Proto == proto {
				edges = append(edges, edge{int(s.First), true, of, s}, edge{int(s.Last) + 1, false, of, s})
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
		if r.use(e.service.Span); !r.take(len(holds)) {
			break
		}
		pt := &point{Point: Point{Proto: proto, First: uint16(e.port), Last: uint16(edges[i+1].port - 1)}}
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
func pings(p *lang.Policy, r *room) []*point {
	listeners := map[int][]int{} // by length: the indices of knocks
	for i, k := range p.Knocks {
		for _, s := range k.AllSteps() {
			if s.Proto == lang.Ping {
				listeners[s.Length] = append(listeners[s.Length], i)
			}
		}
	}
	if len(listeners) == 0 {
		return nil
	}
	toAll := slices.Compact(listeners[lang.AnyLength])
	delete(listeners, lang.AnyLength)
	var points []*point
	for _, length := range append(slices.Sorted(maps.Keys(listeners)), lang.AnyLength) {
		pt := &point{Point: Point{Proto: lang.Ping, Length: length}}
		all := slices.Concat(toAll, listeners[length])
		slices.Sort(all)
		for _, i := range slices.Compact(all) {
			r.use(p.Knocks[i].Name.Span)
			pt.listeners = append(pt.listeners, p.Knocks[i])
		}
		points = append(points, pt)
		if !r.take(len(all)) {
			break
		}
	}
	return points
}
