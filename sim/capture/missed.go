package capture

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"example.org/knockc/sim"
)

// Missed reports whether no packet of the capture is to or from a host that the options
// name, or an address of At. It returns the addresses that most packets go to instead,
// three at most. Call it after the source was read to its end; the source cannot be
// used afterwards.
func (s *Source) Missed() (most []Destination, missed bool) {
	if len(s.options.Hosts) == 0 || s.stats.FromHost > 0 || s.stats.LeftOut[OtherHost] == 0 || s.restart() != nil {
		return nil, false
	}
	var p sim.Packet
	counts := destinations{}
	for s.reader.next(&s.rec) == nil {
		s.tick()
		if s.decode(&p) != 0 || s.frame.cast == toGroup || group(s.datagram.dst) {
			continue
		}
		if s.way() != wayOther {
			return nil, false
		}
		counts.add(s.datagram.dst)
	}
	return counts.top(), true
}

// destinations counts packets by where they go.
type destinations map[netip.Addr]int

func (d destinations) add(a netip.Addr) {
	if _, known := d[a]; known || len(d) < maxCounted {
		d[a]++
	}
}

// top is the three most frequent, or fewer.
func (d destinations) top() (top []Destination) {
	order := slices.SortedFunc(maps.Keys(d), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(d[b], d[a]), a.Compare(b))
	})
	for _, a := range order[:min(3, len(order))] {
		top = append(top, Destination{a, d[a]})
	}
	return top
}
