package capture

import (
	"net/netip"
	"time"
)

// How long the fragments of a datagram are kept from the first to come on, by
// default (ipfrag_time, nf_conntrack_frag6_timeout), and of how many datagrams at a
// time: about as many as the kernel's limit of 4 MB holds (ipfrag_high_thresh).
const (
	timeout4   = 30 * time.Second
	timeout6   = 60 * time.Second
	maxPending = 2048
)

// fragments are the datagrams of an address family that are not whole yet.
// Conntrack puts them together before the input hook (nf_ct_ipv4_gather_frags,
// nf_ct_frag6_gather), so the rules see one packet, when the last fragment
// comes.
type fragments struct {
	timeout time.Duration
	v6      bool
	pending map[fragmentKey]*pending
	oldest  *pending // the list is in the order of birth
	newest  *pending
	free    *pending // linked by newer
	lost    int      // datagrams that were given up
}

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8 // of IPv4
}

// headMax is how much of a datagram's beginning is kept: enough for the headers.
const headMax = 256

// pending is a datagram some of whose fragments have come.
type pending struct {
	key          fragmentKey
	born         time.Duration
	older, newer *pending

	blocks [1 << 16 / 8 / 64]uint64 // which units of 8 bytes have come
	size   int                      // the end of the last byte known of
	got    int                      // bytes that have come
	last   bool                     // the last fragment has come

	first bool // the first fragment has come, and with it:
	proto uint8
	extra int

	head  [headMax]byte
	known int // bytes of head before the first that was not recorded
}

// gather adds the fragment d. If that completes the datagram, d becomes it.
func (f *fragments) gather(d *datagram, id uint32, offset int, more bool, now time.Duration) Reason {
	f.expire(now)
	key := fragmentKey{src: d.src, dst: d.dst, id: id}
	if !f.v6 {
		key.proto = d.proto
	}
	end := offset + d.size
	if f.v6 && (end > 0xffff || more && end%8 != 0) {
		return Malformed
	}
	p := f.pending[key]
	if p == nil {
		if len(f.pending) >= maxPending {
			return Flooded
		}
		p = f.begin(key, now)
	}
	reason := p.add(d, offset, end, more)
	switch {
	case reason == Overlap, reason == 0 && p.size+20+p.extra > 0xffff && !f.v6: // ip_frag_reasm
		f.lost++
		f.remove(p)
		return Overlap
	case reason == 0:
		d.proto, d.extra, d.size = p.proto, p.extra, p.size
		d.b = p.head[:min(p.known, p.size)]
		f.remove(p) // d.b is good until the next gather
	}
	return reason
}

// add is ip_frag_queue, nf_ct_frag6_queue: 0 if the datagram is whole, Fragment if
// not yet or if the fragment is a repetition, Overlap if the datagram is to be
// given up.
func (p *pending) add(d *datagram, offset, end int, more bool) Reason {
	if more {
		end &^= 7
	}
	switch {
	case end <= offset || end > 0xffff:
		return Overlap
	case !more && (end < p.size || p.last && end != p.size):
		return Overlap
	case more && p.last && end > p.size:
		return Overlap
	}
	p.last = p.last || !more
	p.size = max(p.size, end)
	switch have, want := p.mark(offset/8, (end+7)/8); {
	case have == want:
		return Fragment
	case have > 0:
		return Overlap
	}
	p.got += end - offset
	if offset == 0 {
		p.first, p.proto, p.extra = true, d.proto, d.extra
	}
	p.keep(d.b, offset, end)
	if p.last && p.got == p.size && p.first {
		return 0
	}
	return Fragment
}

// mark notes that the units from first to before end have come, and tells how many
// had already, of how many.
func (p *pending) mark(first, end int) (have, want int) {
	for i := first; i < end; i++ {
		bit := uint64(1) << (i % 64)
		if p.blocks[i/64]&bit != 0 {
			have++
		}
		p.blocks[i/64] |= bit
	}
	return have, end - first
}

// keep copies what belongs to the datagram's head. A part that was not recorded
// ends what is known.
func (p *pending) keep(b []byte, offset, end int) {
	if offset >= headMax {
		return
	}
	b = b[:min(len(b), end-offset)]
	copy(p.head[offset:], b)
	if len(b) < end-offset {
		p.known = min(p.known, offset+len(b))
	}
}

func (f *fragments) begin(key fragmentKey, now time.Duration) *pending {
	p := f.free
	if p == nil {
		p = new(pending)
	} else {
		f.free = p.newer
	}
	*p = pending{key: key, born: now, known: headMax, older: f.newest}
	if f.newest == nil {
		f.oldest = p
	} else {
		f.newest.newer = p
	}
	f.newest = p
	if f.pending == nil {
		f.pending = map[fragmentKey]*pending{}
	}
	f.pending[key] = p
	return p
}

func (f *fragments) remove(p *pending) {
	delete(f.pending, p.key)
	if p.older == nil {
		f.oldest = p.newer
	} else {
		p.older.newer = p.newer
	}
	if p.newer == nil {
		f.newest = p.older
	} else {
		p.newer.older = p.older
	}
	p.newer, p.older = f.free, nil
	f.free = p
}

// expire gives up what has waited too long.
func (f *fragments) expire(now time.Duration) {
	for f.oldest != nil && now-f.oldest.born >= f.timeout {
		f.lost++
		f.remove(f.oldest)
	}
}
