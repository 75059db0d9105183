package replay

import (
	"io"

	"knockc/compiler"
	"knockc/sim"
	"knockc/sim/capture"
)

// Counts is what became of packets.
type Counts struct{ Accepted, Passed, Dropped, Rejected int }

// Packets is how many they were.
func (c Counts) Packets() int { return c.Accepted + c.Passed + c.Dropped + c.Rejected }

// Add counts a packet.
func (c *Counts) Add(v compiler.VerdictKind) {
	switch v {
	case compiler.Accept:
		c.Accepted++
	case compiler.Passed:
		c.Passed++
	case compiler.Rejected:
		c.Rejected++
	default:
		c.Dropped++
	}
}

// Source is where packets are read from: a capture, or a trace, see [FromTrace].
// After the last one comes [io.EOF].
type Source interface {
	Next(*sim.Packet) (capture.Kind, error)
}

// batch is as many packets as are read at once.
type batch struct {
	packets [2048]sim.Packet
	kinds   [2048]capture.Kind
	n       int
	err     error // that came after them
}

func (b *batch) read(s Source) {
	for b.n = 0; b.n < len(b.packets); b.n++ {
		if b.kinds[b.n], b.err = s.Next(&b.packets[b.n]); b.err != nil {
			return
		}
	}
}

// readAhead reads batches, which are to be given back, on another core if there is
// one. The last has an error.
func readAhead(s Source) (full <-chan *batch, empty chan<- *batch) {
	const batches = 4
	f, e := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		e <- &batch{}
	}
	go func() {
		defer close(f)
		for b := range e {
			b.read(s)
			f <- b
			if b.err != nil {
				return
			}
		}
	}()
	return f, e
}

// Count plays the packets of a source and counts what became of those to the host; it
// tells how many at times. It ends with the source's error, unless that is [io.EOF].
func (p *Player) Count(s Source, tell func(packets int)) (c Counts, err error) {
	full, empty := readAhead(s)
	for b := range full {
		before := c.Packets()
		for i := range b.n {
			p.count(b.kinds[i], &b.packets[i], &c)
		}
		tell(c.Packets() - before)
		err = b.err
		empty <- b
	}
	if err == io.EOF {
		err = nil
	}
	return c, err
}

func (p *Player) count(kind capture.Kind, packet *sim.Packet, c *Counts) {
	if p.Answer(kind, packet) {
		return
	}
	c.Add(p.machine.Verdict(packet))
}
