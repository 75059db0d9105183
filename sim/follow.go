package sim

import (
	"slices"

	"knockc/lang"
)

// portBits are a bit for each port.
type portBits [1 << 16 / 64]uint64

func (b *portBits) has(port uint16) bool { return b[port/64]>>(port%64)&1 != 0 }
func (b *portBits) set(port uint16)      { b[port/64] |= 1 << (port % 64) }

// followed remembers for the ports of a protocol whether their flows are followed.
type followed struct{ known, yes portBits }

// follows reports whether it can matter to any packet that the flow of this one is
// known: not at a port where the rules accept all that comes and do nothing else,
// whatever its state. So a flow takes no memory where nobody guards anything.
func (g *program) follows(r *run) bool {
	p := r.packet
	port := p.DstPort
	if p.Proto == lang.Ping {
		port = 0
	}
	f := g.followed[p.Proto]
	if f == nil {
		f = &followed{}
		g.followed[p.Proto] = f
	}
	if !f.known.has(port) {
		f.known.set(port)
		if !g.acceptsAll(r) {
			f.yes.set(port)
		}
	}
	return f.yes.has(port)
}

// maxWays bounds the search of acceptsAll: a stranger's packet meets few rules.
const maxWays = 64

// acceptsAll goes all the ways through the rules that packets of the packet's protocol
// and port can go, and reports whether each ends with accept and changes no set. If
// there are too many it is false, which is always safe.
func (g *program) acceptsAll(r *run) bool {
	seen := []uint32{}
	for next := []uint32{g.base}; len(next) > 0; {
		pc := next[len(next)-1]
		next = next[:len(next)-1]
		if slices.Contains(seen, pc) {
			continue
		}
		seen = append(seen, pc)
		ways, ok := g.ways(r, pc)
		if !ok || len(seen) > maxWays {
			return false
		}
		next = append(next, ways...)
	}
	return true
}

// ways are the ops that a packet of the packet's protocol and port can come to behind
// an op; false if the op may do other than accept the packet. A chain's end leads
// nowhere, since a jump leads behind itself as well.
func (g *program) ways(r *run, pc uint32) (ways []uint32, ok bool) {
	o := &g.ops[pc]
	holds, known := g.known(r, o)
	switch behind, broken := []uint32{pc + 1}, []uint32{o.onBreak}; {
	case known && holds, o.code == opNothing:
		return behind, true
	case known:
		return broken, true
	}
	switch o.code {
	case opDispatch:
		if d := g.dispatches[o.target].at(r.packet); d.code != opMatch {
			return d.ways(pc)
		}
		return []uint32{o.onBreak}, true
	case opLengths:
		for _, d := range g.lengths[o.target] {
			to, ok := d.ways(pc)
			if !ok {
				return nil, false
			}
			ways = append(ways, to...)
		}
		return append(ways, o.onBreak), true
	case opUpdate, opDelete:
		return nil, false
	case opAccept, opDrop, opReject, opReset, opGoto, opJump, opReturn:
		return destination{o.code, o.target}.ways(pc)
	}
	return []uint32{pc + 1, o.onBreak}, true
}

// known tells whether an op's condition holds for all packets of the packet's protocol
// and port, or for none.
func (g *program) known(r *run, o *op) (holds, known bool) {
	p := r.packet
	switch {
	case o.code == opMatch && o.byProto:
		return g.conditions[o.target](r), true
	case o.code == opFlags && p.Proto != lang.TCP:
		return false, true
	case o.code == opPorts:
		return o.hasPort(p), true
	}
	return false, false
}

// ways are the ops that a decision at an op leads to; false if it may not accept.
func (d destination) ways(pc uint32) (ways []uint32, ok bool) {
	switch d.code {
	case opAccept, opReturn:
		return nil, true
	case opGoto:
		return []uint32{d.target}, true
	case opJump:
		return []uint32{d.target, pc + 1}, true
	}
	return nil, false
}
