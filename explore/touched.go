package explore

import (
	"slices"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// touchedFor are packets that show most changes of a knock, or with "" of what is open. They
// are few, so that all their orders can be tried.
func touchedFor(both []*compiler.Result, knock string, from Sender) []trace.Packet {
	return touched(both, knock, from).all
}

func touched(both []*compiler.Result, knock string, from Sender) *drawn {
	d := &drawn{from: from, have: map[string]bool{}}
	if knock == "" {
		for i, r := range both {
			d.opened(&r.Policy.Settings, &both[1-i].Policy.Settings)
		}
		return d
	}
	var pers []lang.Per
	for _, r := range both {
		d.policy = r.Policy
		for _, k := range knocksNamed(r.Policy, knock) {
			pers = append(pers, k.Per)
			d.own(k)
		}
	}
	if len(pers) == 2 {
		if near, ok := between(from.Src, pers[0], pers[1]); ok {
			d.from.Src = near
			for _, r := range both {
				d.policy = r.Policy
				d.services(knocksNamed(r.Policy, knock)[0])
			}
			d.from = from
		}
	}
	return d
}

// opened adds the ends of services, and what is beside them, that one policy opens and the
// other does not, or for others.
func (d *drawn) opened(s, other *lang.Settings) {
	for _, o := range s.Open {
		services := slices.DeleteFunc(slices.Clone(o.Services), func(service lang.Service) bool {
			return slices.ContainsFunc(other.Open, func(of lang.Open) bool {
				return sameTexts(o.From, of.From) && sameTexts(o.On, of.On) && slices.ContainsFunc(of.Services, func(t lang.Service) bool {
					return service.String() == t.String()
				})
			})
		})
		d.ends(services)
		d.beside(services)
	}
}

func sameTexts[T interface{ String() string }](a, b []T) bool { return lang.List(a) == lang.List(b) }

// own adds a knock's steps and services, and what may be wrong for it: something else, and a
// step of another knock.
func (d *drawn) own(k *lang.Knock) {
	d.sequences(k)
	d.services(k)
	d.attempt(trace.Packet{DstPort: d.otherPort()})
	for _, other := range d.policy.Knocks {
		if step := other.Steps[0]; other != k && !slices.ContainsFunc(k.AllSteps(), func(s lang.Step) bool { return same(s, step) }) {
			d.attempt(packetAt(step))
			return
		}
	}
}
