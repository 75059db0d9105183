package explore

import (
	"net/netip"
	"slices"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// mostWide is how many packets of a source are tried together where no time passes.
const mostWide = 100

// widePackets are attempts on both sides of everything that a policy names: ports, lengths of
// pings, addresses that services are at. Those of the knock come first.
func widePackets(p *lang.Policy, k *lang.Knock, from Sender) []trace.Packet {
	d := &drawn{policy: p, from: from, have: map[string]bool{}}
	d.attempts(k)
	d.wide(k)
	return d.all[:min(len(d.all), mostWide)]
}

func (d *drawn) wide(k *lang.Knock) {
	d.beside(k.Services)
	d.pings(k)
	d.flagged(k)
	d.elsewhereAt(k)
	for _, o := range d.policy.Settings.Open {
		d.ends(o.Services)
		d.beside(o.Services)
	}
	for _, other := range d.policy.Knocks {
		if other != k {
			d.sequences(other)
			d.services(other)
			d.elsewhereAt(other)
		}
	}
}

// everyPort is an attempt at each port.
func everyPort(from Sender) []trace.Packet {
	all := make([]trace.Packet, 0, 2*65535)
	for port := 1; port <= 65535; port++ {
		p := trace.Packet{Src: from.Src, On: from.iface(), DstPort: uint16(port), Flags: lang.SYN}
		all = append(all, p)
		p.Proto, p.Flags = lang.UDP, 0
		all = append(all, p)
	}
	return all
}

// ends adds the ends of each range of ports.
func (d *drawn) ends(services []lang.Service) {
	for _, s := range services {
		d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.First})
		d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.Last})
	}
}

// beside adds what is just outside of each range of ports, and in its middle.
func (d *drawn) beside(services []lang.Service) {
	for _, s := range services {
		if s.First > 1 {
			d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.First - 1})
		}
		if s.Last < 65535 {
			d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.Last + 1})
		}
		d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.First + (s.Last-s.First)/2})
	}
}

// pings adds those that are a byte shorter and longer than the knock's.
func (d *drawn) pings(k *lang.Knock) {
	for _, s := range k.AllSteps() {
		if s.Proto == lang.Ping && s.Length > 0 {
			d.add(trace.Packet{Proto: lang.Ping, Ping: &trace.Ping{Length: uint16(s.Length - 1)}})
			d.add(trace.Packet{Proto: lang.Ping, Ping: &trace.Ping{Length: uint16(s.Length + 1)}})
		}
	}
}

// flagged adds SYNs with other flags beside, and segments that are no attempts.
func (d *drawn) flagged(k *lang.Knock) {
	for _, port := range ports(k) {
		for _, flags := range []lang.Flags{lang.SYN | lang.PSH, lang.SYN | lang.URG, lang.SYN | lang.ACK, lang.SYN | lang.FIN, lang.FIN, 0} {
			d.add(trace.Packet{DstPort: port, Flags: flags})
		}
	}
}

// ports are a step and a service of the knock for TCP, as far as there are any.
func ports(k *lang.Knock) (all []uint16) {
	if s := last(k.Steps, func(s lang.Step) bool { return s.Proto == lang.TCP }); s != nil {
		all = append(all, s.Port)
	}
	if s := last(k.Services, func(s lang.Service) bool { return s.Proto == lang.TCP }); s != nil {
		all = append(all, s.First)
	}
	return all
}

// elsewhereAt adds packets to addresses on both sides of those that the knock has by `at`.
func (d *drawn) elsewhereAt(k *lang.Knock) {
	var all []netip.Addr
	for _, at := range k.At {
		first, last := ends(at)
		all = append(all, first, last, first.Prev(), last.Next())
	}
	slices.SortFunc(all, netip.Addr.Compare)
	for _, a := range slices.Compact(all) {
		if !a.IsValid() || a.Is4() != d.from.Src.Is4() || !a.IsGlobalUnicast() {
			continue
		}
		to := &trace.To{Addr: a}
		for _, s := range k.Services[:min(len(k.Services), 1)] {
			d.attempt(trace.Packet{Proto: s.Proto, DstPort: s.First, To: to})
		}
		for _, s := range k.AllSteps() {
			if p := packetAt(s); !s.Code {
				p.To = to
				d.attempt(p)
			}
		}
	}
}
