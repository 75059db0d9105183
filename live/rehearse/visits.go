//go:build linux

package rehearse

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"example.org/knockc/lang"
)

// visit is an attempt of a stranger: from where, by which interface, and to which address
// and port of the service.
type visit struct {
	src  netip.Addr
	by   *link
	to   netip.Addr
	port uint16
}

// How many visits there are to a door at most, and of these, how many to other addresses and
// by other interfaces.
const (
	maxVisits = 64
	maxOfKind = 16
)

// visits are how strangers try a door: one as a client does, others to the door's other
// addresses, to the end of its ports, by other interfaces, and such as the host's rules
// name. It also returns how many there are beyond that.
func (s *strangers) visits(d door, one stranger) (all []visit, left int) {
	first := visit{one.src, one.iface, d.targets[0], d.service.First}
	all = []visit{first}
	add := func(v visit) {
		if !slices.Contains(all, v) && s.mayCome(d, v, one) {
			all = append(all, v)
		}
	}
	for _, to := range d.targets[:min(len(d.targets), maxOfKind)] {
		v := first
		v.to = to
		add(v)
	}
	end := first
	end.port = d.service.Last
	add(end)
	others := s.otherLinks(one)
	for _, l := range others[:min(len(others), maxOfKind)] {
		add(s.visitBy(l, d, one))
	}
	for _, v := range s.anyones(d, one) {
		add(v)
	}
	left = max(0, len(d.targets)-maxOfKind) + max(0, len(others)-maxOfKind)
	for _, m := range s.mentions[bit(one.src.Is6())] {
		ports, ok := m.portsOf(d.service)
		switch {
		case !ok:
		case len(all) >= maxVisits:
			left++
		default:
			s.asNamed(m, ports, d, one, add)
		}
	}
	return all, left
}

// anyones are visits from anywhere, also if the knock does not admit such sources.
func (s *strangers) anyones(d door, one stranger) (all []visit) {
	for _, area := range anywhere[bit(one.src.Is6())] {
		v := visit{by: s.way(area.Addr().Next()).by, to: d.targets[0], port: d.service.First}
		if v.by == nil {
			continue
		}
		if v.src = s.within(area, v, d, one); v.src.IsValid() {
			return []visit{v}
		}
	}
	return nil
}

// otherLinks are the interfaces that are up, except that by which a client comes.
func (s *strangers) otherLinks(one stranger) (all []*link) {
	for i := range s.place.of.links {
		if l := &s.place.of.links[i]; l.up && l != one.iface {
			all = append(all, l)
		}
	}
	return all
}

// visitBy is a visit by an interface, to its own address if the door has that.
func (s *strangers) visitBy(l *link, d door, one stranger) visit {
	v := visit{one.src, l, d.targets[0], d.service.First}
	if l == one.iface {
		return v
	}
	for _, a := range s.place.of.addresses {
		if a.index != l.index || a.prefix.Addr().Is6() != one.src.Is6() {
			continue
		}
		if slices.Contains(d.targets, a.prefix.Addr()) {
			v.to = a.prefix.Addr()
		}
		if src := s.within(a.prefix.Masked(), v, d, one); src.IsValid() {
			v.src = src
			return v
		}
	}
	return v
}

// within is the first of an area's sources that may make a visit, if one of those that are
// tried may.
func (s *strangers) within(area netip.Prefix, v visit, d door, one stranger) netip.Addr {
	const most = 8
	tried := 0
	for src := range spread(area, area.Addr().BitLen()) {
		if v.src = src; s.mayCome(d, v, one) {
			return src
		}
		if tried++; tried == most {
			break
		}
	}
	return netip.Addr{}
}

// asNamed adds visits with what a mention names, together and with what is usual instead.
func (s *strangers) asNamed(m mention, ports []uint16, d door, one stranger, add func(visit)) {
	var links []*link
	for i := range s.place.of.links {
		if l := &s.place.of.links[i]; l.up && m.names(l) {
			links = append(links, l)
		}
	}
	var targets []netip.Addr
	for _, to := range d.targets {
		if slices.ContainsFunc(m.addresses, func(p netip.Prefix) bool { return p.Contains(to) }) {
			targets = append(targets, to)
		}
	}
	for _, port := range append(ports, d.service.First) {
		for _, to := range append(targets, d.targets[0]) {
			for _, l := range append(links, one.iface) {
				v := s.visitBy(l, d, one)
				v.to, v.port = to, port
				for _, area := range m.addresses {
					named := v
					if by := s.way(area.Addr()).by; by != nil && len(links) == 0 {
						named.by = by
					}
					if named.src = s.within(area, named, d, one); named.src.IsValid() {
						add(named)
					}
				}
				add(v)
			}
		}
	}
}

// mayCome reports whether the host would take a packet of a visit to its rules, and whether
// it comes from a stranger who has not knocked.
func (s *strangers) mayCome(d door, v visit, one stranger) bool {
	way := s.way(v.src)
	switch {
	case v.src.Is4In6() || !v.src.IsGlobalUnicast() && !v.src.IsLinkLocalUnicast():
		return false
	case way.by == nil || way.kind != unix.RTN_UNICAST || s.place.of.owns(v.src):
		return false
	case v.by != way.by && v.src.Is4() && s.strict(v.by.name):
		return false
	case v.src != one.src && s.wasUsed(v.src):
		return false
	}
	return s.admitted(lang.Service{Proto: d.service.Proto, First: v.port, Last: v.port}, v.src, v.by) == ""
}

func (s *strangers) wasUsed(src netip.Addr) bool {
	for source := range s.used {
		if source.Contains(src) {
			return true
		}
	}
	return false
}
