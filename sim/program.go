package sim

import (
	"math/bits"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// program is a ruleset as one family's packets meet it: all chains one after the
// other, without the rules that can do nothing for the family. Two ops are a cache line,
// so that a packet's way through a large ruleset touches little memory.
type program struct {
	ops        []op
	rules      []int32               // the last op of each rule, chain after chain; -1: left out
	sets       []*set                // that ops name
	spends     []*set                // of opSpend
	masks      []mask                // of the keys of elements
	lasts      []int64               // of updates: timeouts, see Clock.lasts
	bases      [3][]uint32           // where the base chains of each hook begin
	conditions []func(*run) bool     // of opMatch
	dispatches []*dispatch           // of opDispatch
	lengths    []map[int]destination // of opLengths
}

// op is an instruction. If it breaks, the next rule goes on at op.onBreak; at the
// end of each chain stands an opReturn.
type op struct {
	code    opcode
	not     bool
	ends    bool   // it is the last of its rule
	set     uint8  // which
	mask    uint16 // which
	first   uint16 // of ports; the states, status, flags or kind that match
	last    uint16 // of ports; the mask of flags
	onBreak uint32
	target  uint32 // of opGoto and opJump; which condition, dispatch, lengths, timeout or set of codes
	state   uint32 // in the key of an element
	runs    uint64 // how often the rule was run to its end here
}

type opcode uint8

const (
	opMatch opcode = iota // a condition of any other kind
	opState
	opFlags
	opNever // no packet passes
	opAddrType
	opPorts
	opLookup
	opUpdate // from here on they do something
	opDelete
	opSpend
	opNothing
	opDispatch // from here on they may decide where to go on
	opLengths
	opAccept
	opDrop
	opReject
	opReset
	opGoto
	opJump
	opReturn
)

// destination is an op that decides.
type destination struct {
	code   opcode
	target uint32
}

// dispatch has the destinations of packets by protocol and port; nil: it has none.
type dispatch struct{ tcp, udp *ports }

// ports has destinations for some ports. Most packets go to others: which these are is
// told by little memory.
type ports struct {
	known  [1 << 16 / 64]uint64 // a bit for each port
	before [1 << 16 / 64]uint16 // how many known ports come before these
	to     []destination        // of the known ports, in order
}

// newPorts makes the table of a protocol; nil if it has no entries.
func newPorts(entries []compiler.DispatchEntry, to []destination, proto uint8) *ports {
	t := &ports{}
	for _, e := range entries {
		for port := int(e.First); e.Proto == proto && port <= int(e.Last); port++ {
			t.known[port/64] |= 1 << (port % 64)
		}
	}
	size := 0
	for i, known := range t.known {
		t.before[i] = uint16(size)
		size += bits.OnesCount64(known)
	}
	if size == 0 {
		return nil
	}
	t.to = make([]destination, size)
	for i, e := range entries {
		for port := int(e.First); e.Proto == proto && port <= int(e.Last); port++ {
			t.to[t.place(uint16(port))] = to[i]
		}
	}
	return t
}

func (t *ports) has(port uint16) bool { return t.known[port/64]>>(port%64)&1 != 0 }

// place is which of the known ports a port is.
func (t *ports) place(port uint16) int {
	return int(t.before[port/64]) + bits.OnesCount64(t.known[port/64]&(1<<(port%64)-1))
}

// at is where packets to a port go; of the code opMatch if the dispatch does not say.
func (d *dispatch) at(p *Packet) destination {
	t := d.tcp
	if p.Proto != lang.TCP {
		t = d.udp
	}
	if t == nil || p.Proto == lang.Ping || !t.has(p.DstPort) {
		return destination{}
	}
	return t.to[t.place(p.DstPort)]
}

// maxJumps is how deep jumps may go (NFT_JUMP_STACK_SIZE).
const maxJumps = 16

// run runs the base chains that a packet meets, until one does not accept it. It passes if
// none of them has decided about it.
func (g *program) run(r *run) compiler.VerdictKind {
	hooks := [...]compiler.HookPoint{compiler.Prerouting, compiler.Input}
	if r.packet.GoesOn() {
		hooks[1] = compiler.Forward
	}
	r.program = g
	verdict := compiler.Passed
	for _, hook := range hooks {
		for _, base := range g.bases[hook] {
			switch v := g.chain(r, base); v {
			case compiler.Accept:
				verdict = v
			case compiler.Passed:
			default:
				return v
			}
		}
	}
	return verdict
}

// chain runs a base chain on a packet.
func (g *program) chain(r *run, base uint32) compiler.VerdictKind {
	var stack [maxJumps]uint32
	depth := 0
	pc := base
	for {
		o := &g.ops[pc]
		holds, code, target := true, o.code, o.target
		switch code {
		case opMatch:
			holds = g.conditions[target](r)
		case opState:
			holds = (uint16(r.state)&o.first != 0) != o.not
		case opFlags:
			holds = r.packet.Proto == lang.TCP && (uint16(r.packet.Flags)&o.last == o.first) != o.not
		case opNever:
			holds = false
		case opAddrType:
			holds = r.packet.isTo(compiler.AddrKind(o.first)) != o.not
		case opPorts:
			holds = o.hasPort(r.packet)
		case opLookup:
			if s, k := r.element(o); r.ways == nil {
				holds = s.has(k, r.now) != o.not
			} else {
				holds = r.ways.has(s, k) != o.not
			}
		case opUpdate:
			holds = r.update(o)
		case opDelete:
			r.delete(o)
		case opSpend:
			holds = r.spend(o)
		case opDispatch:
			d := g.dispatches[target].at(r.packet)
			code, target, holds = d.code, d.target, d.code != opMatch
		case opLengths:
			d, ok := g.lengths[target][r.headerLength()]
			code, target, holds = d.code, d.target, ok
		case opReset:
			holds = r.packet.Proto == lang.TCP
		}
		if !holds {
			pc = o.onBreak
			continue
		}
		if o.ends {
			o.runs += r.counts
		}
		pc++
		if code < opDispatch {
			continue
		}
		switch code {
		case opAccept:
			return compiler.Accept
		case opDrop:
			return compiler.Drop
		case opReject, opReset:
			return compiler.Rejected
		case opGoto:
			pc = target
		case opJump:
			stack[depth], depth = pc, depth+1
			pc = target
		case opReturn:
			if depth == 0 {
				return compiler.Passed // the base chain's policy accepts
			}
			depth--
			pc = stack[depth]
		}
	}
}

// hasPort is the condition of opPorts.
func (o *op) hasPort(p *Packet) bool {
	return p.Proto != lang.Ping && (o.first <= p.DstPort && p.DstPort <= o.last) != o.not
}

// element is the source's element that an op is about.
func (r *run) element(o *op) (*set, key) {
	return r.program.sets[o.set], r.program.masks[o.mask].key(r.hi, r.lo, o.state)
}

func (r *run) update(o *op) bool {
	if w := r.ways; w != nil {
		return w.update(r, o)
	}
	s, k := r.element(o)
	expires, ok := s.update(k, r.now, r.expires(o), r.machine.clock.collected(r.now, s.every))
	if ok {
		r.change(s, k, expires)
	}
	return ok
}

// expires is when an element ends that is updated now; forever means now, see set.update.
func (r *run) expires(o *op) time.Duration {
	lasts := r.program.lasts[o.target]
	if lasts == int64(lang.Forever) {
		return r.now
	}
	return r.machine.clock.end(r.packet.Time, lasts)
}

func (r *run) delete(o *op) {
	if w := r.ways; w != nil {
		w.delete(r, o)
		return
	}
	if s, k := r.element(o); s.delete(k, r.now) {
		r.change(s, k, r.now)
	}
}

// change notes that an element ends at another time now.
func (r *run) change(s *set, k key, expires time.Duration) {
	c := Change{Set: s.name, Expires: expires, Ended: expires <= r.now}
	if s.codes {
		c.Code = k.code()
	} else {
		c.Src, c.State = k.address(s.v6), uint32(k.id)
	}
	r.machine.changes = append(r.machine.changes, c)
}
