//go:build linux

package netns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"
)

// passage is how a packet left that was forwarded.
type passage struct {
	tun      int
	from, to netip.AddrPort // as a rule may have changed them
	seq, ack uint32         // of TCP
}

// passedAs reports whether a, which left the host, is p. A rule may have given it
// another destination, or another source address (masquerade).
func (p Packet) passedAs(a ipPacket) bool {
	switch {
	case a.proto != p.Proto.number(p.Src.Is6()):
		return false
	case p.Proto == Ping:
		return p.begins(a.payload)
	}
	return p.comesFrom(a.payload)
}

// peer is what an inner host knows of a TCP connection, by the address of the client itself
// and by its own.
type peer struct {
	tun       int            // the way to the client
	at        netip.AddrPort // where it sees the client
	next      uint32         // the host's next sequence number
	client    uint32         // the client's next one
	confirmed bool           // the client has answered the SYN/ACK

	// Which of the two has sent its FIN.
	finished, clientFinished bool
}

// relay lets the inner host that p was forwarded to answer, and returns what comes
// of that.
func (h *Host) relay(p Packet, by passage) (Answer, error) {
	if p.Proto == TCP {
		h.settleTCP(p, by.to)
	}
	if p.Silent || p.BadChecksum || p.Cut > 0 {
		return NoAnswer, nil
	}
	f := flow{client: netip.AddrPortFrom(p.Src, p.SrcPort), server: by.to}
	a := Segment{Src: by.to, Dst: by.from}
	switch p.Proto {
	case Ping:
		return NoAnswer, nil
	case TCP:
		if a = h.answerTo(f, p.Flags, by); a.Flags == 0 {
			return NoAnswer, nil
		}
	}
	if err := h.writeInner(p.Proto, a, by.tun); err != nil {
		return NoAnswer, err
	}
	out, err := h.readOutput(p, true)
	return out.answer, err
}

// answerTo is the answer of an inner host to a segment, as RFC 9293 section 3.10.7
// has it; without flags if there is none. All its ports are open.
func (h *Host) answerTo(f flow, flags TCPFlags, by passage) Segment {
	a := Segment{Src: by.to, Dst: by.from}
	c, known := h.peers[f]
	switch {
	case flags&RST != 0:
		delete(h.peers, f)
		return a
	case flags&(SYN|ACK|FIN) == SYN && (!known || c.finished && c.clientFinished):
		c = peer{tun: by.tun, at: by.from, next: rand.Uint32(), client: by.seq + 1}
		a.Flags, a.Seq, a.Ack = SYN|ACK, c.next, c.client
		c.next++
	case !known && flags&ACK != 0:
		a.Flags, a.Seq = RST, by.ack
		return a
	case !known:
		return a
	case flags&(SYN|ACK) == SYN && !c.confirmed: // a repetition
		a.Flags, a.Seq, a.Ack = SYN|ACK, c.next-1, c.client
	case flags&SYN != 0: // RFC 5961, section 4
		a.Flags, a.Seq, a.Ack = ACK, c.next, c.client
	case flags&ACK == 0:
		return a
	case flags&FIN != 0:
		c.confirmed, c.clientFinished, c.client = true, true, by.seq+1
		a.Flags, a.Seq, a.Ack = ACK, c.next, c.client
	default:
		c.confirmed = true
	}
	h.peers[f] = c
	return a
}

// endPeer ends an inner host's connection with a FIN or RST.
func (h *Host) endPeer(f flow, by TCPFlags) error {
	c := h.peers[f]
	switch {
	case !c.confirmed:
		return errNotEstablished
	case c.finished:
		return errOver
	}
	a := Segment{Src: f.server, Dst: c.at, Flags: by | ACK, Seq: c.next, Ack: c.client}
	c.next, c.finished = c.next+1, true
	if h.peers[f] = c; by == RST {
		delete(h.peers, f)
	}
	return h.writeInner(TCP, a, c.tun)
}

// writeInner sends a packet of an inner host, of which a has the addresses.
func (h *Host) writeInner(proto Proto, a Segment, tun int) error {
	p := Packet{
		Src: a.Src.Addr(), SrcPort: a.Src.Port(), Dst: a.Dst.Addr(), DstPort: a.Dst.Port(),
		Proto: proto, Flags: a.Flags,
	}
	if _, err := unix.Write(tun, p.append(h.buf[:0], a.Seq, a.Ack)); err != nil {
		return fmt.Errorf("send packet of the inner host %v: %w", p.Src, err)
	}
	return nil
}
