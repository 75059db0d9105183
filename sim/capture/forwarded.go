package capture

import "time"

// A router's capture may hold a packet twice: as it came, and as it went on, its time to
// live one less. Both are recorded within copyWithin of each other.
const (
	copyWithin = time.Second
	maxCopied  = 4096
)

// forwarded are the latest packets that may be recorded twice.
type forwarded struct {
	seen  map[fingerprint]passage
	order []fingerprint // a ring
	next  int           // the oldest, if it is full
}

// fingerprint is what of a datagram stays the same when it is forwarded.
type fingerprint struct {
	src, dst [16]byte
	id       uint32 // of IPv4, with the place of a fragment; of IPv6 the flow label
	proto    uint8
	size     int
	head     [16]byte // the first bytes of what it carries, but no checksum of UDP or ICMP
}

// passage is how a packet was recorded.
type passage struct {
	at     time.Duration
	ttl    uint8
	port   *port
	sender uint64
}

// isCopy reports whether a datagram to or from an address of At was recorded before, when
// it came, or else notes it.
func (s *Source) isCopy(d *datagram, id uint32, ttl uint8) bool {
	if len(s.options.At) == 0 || !s.at(d.src) && !s.at(d.dst) {
		return false
	}
	k := fingerprint{src: d.src.As16(), dst: d.dst.As16(), id: id, proto: d.proto, size: d.size}
	copy(k.head[:], d.b)
	switch d.proto {
	case protoUDP:
		k.head[6], k.head[7] = 0, 0
	case protoICMP, protoICMPv6:
		k.head[2], k.head[3] = 0, 0
	}
	now := passage{s.now, ttl, s.rec.port, s.frame.sender}
	if before, ok := s.forwarded.seen[k]; ok && s.wentOn(before, now) {
		return true
	}
	s.forwarded.add(k, now)
	return false
}

// wentOn reports whether of two packets that are alike one came and the other is the same
// going on: with another sender on the wire, or on another interface.
func (s *Source) wentOn(before, now passage) bool {
	elsewhere := before.port != now.port
	switch {
	case s.frame.cooked:
		elsewhere = s.frame.cast == fromHost
	case now.sender != 0:
		elsewhere = before.sender != now.sender
	}
	hops := int(before.ttl) - int(now.ttl)
	return elsewhere && (hops == 1 || hops == -1 && !s.frame.cooked) && now.at-before.at <= copyWithin
}

// add notes a packet in place of the oldest one.
func (f *forwarded) add(k fingerprint, p passage) {
	if f.seen == nil {
		f.seen = map[fingerprint]passage{}
	}
	if _, known := f.seen[k]; !known {
		f.remember(k)
	}
	f.seen[k] = p
}

func (f *forwarded) remember(k fingerprint) {
	if len(f.order) < maxCopied {
		f.order = append(f.order, k)
		return
	}
	delete(f.seen, f.order[f.next])
	f.order[f.next] = k
	f.next = (f.next + 1) % maxCopied
}
