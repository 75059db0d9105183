package capture

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"example.org/knockc/sim"
)

// way is which way a packet went.
type way uint8

const (
	wayOther way = iota
	wayTo
	wayGroup // to the host and others
	wayFrom
	wayOn      // to an address of At
	wayBack    // from one
	wayBetween // from one to another
)

// way tells which way the datagram went: by the host's addresses, or if none are
// named by what a cooked frame says.
func (s *Source) way() way {
	if s.frame.cooked && len(s.options.Hosts) == 0 && len(s.options.At) == 0 {
		return s.cookedWay()
	}
	d := &s.datagram
	switch on, back := s.at(d.dst), s.at(d.src); {
	case slices.Contains(s.hosts, d.dst):
		return wayTo
	case slices.Contains(s.hosts, d.src):
		return wayFrom
	case on && back:
		return wayBetween
	case on:
		return wayOn
	case back && !s.toGroup():
		return wayBack
	case s.toGroup():
		return wayGroup
	}
	return wayOther
}

// at reports whether an address is that of a host to which this one forwards.
func (s *Source) at(a netip.Addr) bool {
	return slices.ContainsFunc(s.options.At, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (s *Source) cookedWay() way {
	switch {
	case s.frame.cast == fromHost:
		return wayFrom
	case s.frame.cast == toOther:
		return wayOther
	case s.toGroup():
		return wayGroup
	}
	return wayTo
}

// toGroup reports whether the datagram is addressed to a group. What a broadcast frame
// holds need not be: for the kernel the address decides (fib daddr type). Only one that
// is not the broadcast address of any network is told from one that may be.
func (s *Source) toGroup() bool {
	dst := s.datagram.dst
	return group(dst) || s.frame.cast == toGroup && dst.Is4() && dst.As4()[3]&3 == 3
}

// impossible reports whether the kernel drops a datagram to the host for its addresses, in
// IPv4 after the hook prerouting (ip_route_input_slow, fib_validate_source, ip6_rcv_core).
// On the loopback interface it does not look at them.
func (s *Source) impossible() bool {
	d := &s.datagram
	switch {
	case d.src.IsLoopback(), d.dst.IsLoopback():
		return true
	case !d.src.Is4():
		return false
	}
	return d.src == d.dst || slices.Contains(s.hosts, d.src)
}

// group reports whether an address is none of a single host: multicast, or the
// broadcast address of every network.
func group(a netip.Addr) bool { return a.IsMulticast() || a == everybody }

var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// candidates are the addresses of one family that the host may have.
type candidates struct {
	seen   bool
	dst    netip.Addr
	allDst bool          // all packets go to dst
	both   [2]netip.Addr // those that take part in every packet
}

// take notes a packet. The first leaves both of its addresses in question.
func (c *candidates) take(src, dst netip.Addr) {
	if !c.seen {
		*c = candidates{seen: true, dst: dst, allDst: true, both: [2]netip.Addr{src, dst}}
		return
	}
	c.allDst = c.allDst && dst == c.dst
	for i, a := range c.both {
		if a != src && a != dst {
			c.both[i] = netip.Addr{}
		}
	}
}

// changes reports whether take would change anything. Most packets of a capture go to the
// host or come from it, and tell nothing new.
func (c *candidates) changes(src, dst netip.Addr) bool {
	if !c.seen || c.allDst && dst != c.dst {
		return true
	}
	for _, a := range c.both {
		if a != src && a != dst && a.IsValid() {
			return true
		}
	}
	return false
}

// host is the only address in question, if there is just one.
func (c *candidates) host() (netip.Addr, bool) {
	var none netip.Addr
	switch {
	case c.allDst:
		return c.dst, true
	case c.both[0] != none && (c.both[1] == none || c.both[1] == c.both[0]):
		return c.both[0], true
	case c.both[1] != none && c.both[0] == none:
		return c.both[1], true
	}
	return none, false
}

// findHosts looks through the capture for the host's addresses, one of a family. It
// also tells whether all packets go to them, and so none is an answer.
func (s *Source) findHosts() (oneWay bool, err error) {
	var families [2]candidates
	cooked := s.eachAddressed(families[0].changes, func(src, dst netip.Addr) {
		if src.Is4() {
			families[0].take(src, dst)
		} else {
			families[1].take(src, dst)
		}
	})
	oneWay = !cooked && len(s.options.At) == 0
	for _, c := range families {
		if !c.seen {
			continue
		}
		host, ok := c.host()
		if !ok {
			return false, s.unknownHost()
		}
		s.hosts = append(s.hosts, host)
		oneWay = oneWay && c.allDst
	}
	return oneWay, s.restart()
}

// eachAddressed goes over the packets that tell something of the host by their
// addresses, and tells whether there are others that are cooked. It need not see packets
// of IPv4 that do not matter. What is wrong with the capture it leaves to be found again.
func (s *Source) eachAddressed(matters func(src, dst netip.Addr) bool, see func(src, dst netip.Addr)) (cooked bool) {
	var p sim.Packet
	for s.reader.next(&s.rec) == nil {
		s.tick()
		if src, dst, ok := s.rec.plain(); ok && !matters(src, dst) {
			continue
		}
		if s.decode(&p) != 0 || s.toGroup() {
			continue
		}
		switch src, dst := s.datagram.src, s.datagram.dst; {
		case s.frame.cooked && len(s.options.At) == 0:
			cooked = true
		case !s.at(src) && !s.at(dst):
			see(src, dst)
		}
	}
	return cooked
}

// maxCounted bounds the destinations that are counted; the most frequent ones are
// hardly among those that come first after so many others.
const maxCounted = 1 << 16

// unknownHost counts where packets go.
func (s *Source) unknownHost() error {
	if err := s.restart(); err != nil {
		return err
	}
	counts := destinations{}
	all := func(_, _ netip.Addr) bool { return true }
	s.eachAddressed(all, func(_, dst netip.Addr) { counts.add(dst) })
	return &UnknownHostError{counts.top()}
}

// UnknownHostError says that a capture does not show which packets arrive at the host.
type UnknownHostError struct {
	Top []Destination // the three most frequent, or fewer
}

// Destination is an address, and the number of packets that go there.
type Destination struct {
	Addr    netip.Addr
	Packets int
}

func (e *UnknownHostError) Error() string {
	var most []string
	for _, d := range e.Top {
		most = append(most, fmt.Sprintf("%s (%d)", d.Addr, d.Packets))
	}
	return fmt.Sprintf("it is not clear which packets arrive at the host; most go to %s; give the host's address", strings.Join(most, ", "))
}
