//go:build linux

package rehearse

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// renumber gives the host's interfaces the indices that they have in the place: an index may
// be taken there by an interface that every namespace has. Rules name interfaces.
func (p *place) renumber() error {
	var there host
	if err := there.readLinks(p.routes); err != nil {
		return err
	}
	to := map[int]int{}
	for _, l := range p.of.links {
		i := slices.IndexFunc(there.links, func(copied link) bool { return copied.name == l.name })
		if i >= 0 && there.links[i].index != l.index {
			to[l.index] = there.links[i].index
		}
	}
	if len(to) > 0 {
		p.of.renumber(to)
	}
	return nil
}

// renumber changes indices of interfaces, also in messages of the kernel.
func (h *host) renumber(to map[int]int) {
	change := func(b []byte) {
		if index, ok := to[int(uint32Of(b))]; ok && len(b) >= 4 {
			binary.NativeEndian.PutUint32(b, uint32(index))
		}
	}
	for i := range h.links {
		if index, ok := to[h.links[i].index]; ok {
			h.links[i].index = index
		}
	}
	for i := range h.addresses {
		a := &h.addresses[i]
		change(a.raw[4:])
		a.index = int(uint32Of(a.raw[4:]))
	}
	for _, m := range h.routes {
		all := attributesOf(m[unix.SizeofRtMsg:])
		change(find(all, unix.RTA_OIF))
		for hops := find(all, unix.RTA_MULTIPATH); len(hops) >= unix.SizeofRtNexthop; {
			change(hops[4:])
			n := int(binary.NativeEndian.Uint16(hops))
			if n < unix.SizeofRtNexthop {
				break
			}
			hops = hops[min(len(hops), (n+3)&^3):]
		}
	}
}
