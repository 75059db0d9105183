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
	open      bool          // to everyone
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

// ports cuts the ports that a policy names into points, in order.
func ports(p *lang.Policy) []*point {
	points := stepPorts(p)
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP} {
		points = append(points, servicePorts(p, proto)...)
	}
	slices.SortFunc(points, func(a, b *point) int {
		return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.first, b.first))
	})
	return points
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
		for _, s := range bothSequences(k) {
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

func bothSequences(k *lang.Knock) []lang.Step {
	return append(slices.Clip(k.Steps), k.Close...)
}

// servicePorts cuts the services of a protocol, which may overlap, at each place
// where the knocks that guard them change. Open services are cut off from those
// that are guarded, though the language keeps them apart.
func servicePorts(p *lang.Policy, proto lang.Proto) []*point {
	const openToAll = -1
	type edge struct {
		port  int // the first port that it holds for
		begin bool
		knock int
	}
	var edges []edge
	add := func(services []lang.Service, knock int) {
		for _, s := range services {
			if s.Proto == proto {
				edges = append(edges, edge{int(s.First), true, knock}, edge{int(s.Last) + 1, false, knock})
			}
		}
	}
	add(p.Settings.OpenToAll(), openToAll)
	for i, k := range p.Knocks {
		add(k.Services, i)
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.port, b.port) })

	var points []*point
	holds := map[int]int{} // how many services of each knock hold here
	for i, e := range edges {
		if e.begin {
			holds[e.knock]++
		} else if holds[e.knock]--; holds[e.knock] == 0 {
			delete(holds, e.knock)
		}
		if len(holds) == 0 || edges[i+1].port == e.port {
			continue
		}
		pt := &point{proto: proto, first: uint16(e.port), last: uint16(edges[i+1].port - 1)}
		for _, k := range slices.Sorted(maps.Keys(holds)) {
			if k == openToAll {
				pt.open = true
			} else {
				pt.guards = append(pt.guards, p.Knocks[k])
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
		for _, s := range bothSequences(k) {
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
			if slices.ContainsFunc(bothSequences(k), pt.has) {
				pt.listeners = append(pt.listeners, k)
			}
		}
		points = append(points, pt)
	}
	return points
}
