package netns

import (
	"fmt"
	"hash/maphash"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Result is what became of a packet.
type Result struct {
	// Accepted says that the packet passed the input hook.
	Accepted bool

	// Answer is what the host sent back, for this packet and no other.
	Answer Answer

	// Before and After are the jiffy counts before and after the kernel saw the
	// packet. If they are equal, the rules saw the same one.
	Before, After int64
}

// flow names a TCP connection.
type flow struct{ client, server netip.AddrPort }

// connection is what the client knows of a connection that the host agreed to.
// The host never sends data and never closes first.
type connection struct {
	server   uint32 // the host's next sequence number
	finished bool   // the client has sent its FIN
}

func (p Packet) flow() flow {
	return flow{netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)}
}

// Send gives p to the host and returns what became of it. An accepted datagram
// on a port that the host listens on is answered before Send returns.
func (h *Host) Send(p Packet) (Result, error) {
	p, err := h.complete(p)
	if err != nil {
		return Result{}, err
	}
	if _, err := h.readAnswers(p); err != nil {
		return Result{}, err
	}
	r, err := h.write(p)
	if err != nil {
		return Result{}, err
	}
	if r.Accepted, err = h.received(p); err != nil {
		return Result{}, err
	}
	if r.Accepted {
		if err := h.settle(p); err != nil {
			return Result{}, err
		}
	}
	r.Answer, err = h.readAnswers(p)
	return r, err
}

// settle does what follows from p's acceptance, before the host's own answers.
func (h *Host) settle(p Packet) error {
	switch p.Proto {
	case UDP:
		return h.answer(p)
	case Ping:
		return nil
	}
	f := p.flow()
	c, known := h.connections[f]
	switch {
	case !known:
	case p.Flags&RST != 0:
		delete(h.connections, f)
	case p.Flags&(SYN|FIN|ACK) == FIN|ACK:
		c.finished = true
		h.connections[f] = c
	}
	return nil
}

// complete fills in what p leaves open.
func (h *Host) complete(p Packet) (Packet, error) {
	if p.Proto != TCP && p.Proto != UDP && p.Proto != Ping {
		return p, fmt.Errorf("send packet: want tcp, udp or ping, have %v", p.Proto)
	}
	if p.Length < 0 || p.Length > maxEcho {
		return p, fmt.Errorf("send packet: want 0 to %d bytes of echo data, have %d", maxEcho, p.Length)
	}
	if _, ok := h.tuns[p.Iface]; !ok {
		return p, fmt.Errorf("send packet: the host has no interface %q", p.Iface)
	}
	p.Src = p.Src.Unmap().WithZone("")
	if !p.Src.IsValid() {
		return p, fmt.Errorf("send packet: no source address")
	}
	p.Dst = p.Dst.Unmap().WithZone("")
	if !p.Dst.IsValid() {
		p.Dst = ownAddr(p.Src.Is6())
	}
	if p.Src.Is4() != p.Dst.Is4() {
		return p, fmt.Errorf("send packet: source %v and destination %v are of different families", p.Src, p.Dst)
	}
	if p.SrcPort == 0 {
		p.SrcPort = h.nextPort()
	}
	return p, nil
}

func (h *Host) nextPort() uint16 {
	const first, last = 20000, 60999
	if h.lastPort < first || h.lastPort >= last {
		h.lastPort = first
	} else {
		h.lastPort++
	}
	return h.lastPort
}

func (h *Host) write(p Packet) (Result, error) {
	if p.Proto == Ping && p.Silent {
		return h.writeSilently(p)
	}
	return h.writeNow(p)
}

func (h *Host) writeNow(p Packet) (Result, error) {
	seq, ack := h.numbers(p)
	wire := p.append(h.buf[:0], seq, ack)
	before := Jiffy()
	_, err := unix.Write(h.tuns[p.Iface], wire)
	after := Jiffy()
	if err != nil {
		return Result{}, fmt.Errorf("send packet: %w", err)
	}
	return Result{Before: before, After: after}, nil
}

var seed = maphash.MakeSeed()

// numbers returns the sequence and acknowledgement number for p. The first
// sequence number of a connection follows from its addresses, so a repeated SYN
// has the same one.
func (h *Host) numbers(p Packet) (seq, ack uint32) {
	if p.Proto != TCP {
		return 0, 0
	}
	f := p.flow()
	c, known := h.connections[f]
	seq = uint32(maphash.Comparable(seed, f))
	if p.Flags&SYN == 0 {
		seq++
		if c.finished && p.Flags&FIN == 0 {
			seq++
		}
	}
	switch {
	case p.Flags&ACK == 0:
		return seq, 0
	case !known:
		return seq, 1
	}
	return seq, c.server
}

// received empties the raw socket that p comes out of if it is accepted, and
// reports whether it did.
func (h *Host) received(p Packet) (bool, error) {
	fd := h.raw[socket{proto: p.Proto, v6: p.Src.Is6()}]
	found := false
	for {
		n, from, err := unix.Recvfrom(fd, h.buf[:], 0)
		if err == unix.EAGAIN {
			return found, nil
		}
		if err != nil {
			return false, fmt.Errorf("read raw socket: %w", err)
		}
		found = found || p.is(from, h.buf[:n])
	}
}

// is reports whether p is what a raw socket received. IPv4 raw sockets deliver
// the IP header too.
func (p Packet) is(from unix.Sockaddr, b []byte) bool {
	var src netip.Addr
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		src = netip.AddrFrom4(from.Addr)
		b = b[int(b[0]&0xf)*4:]
	case *unix.SockaddrInet6:
		src = netip.AddrFrom16(from.Addr)
	}
	return src == p.Src && p.begins(b)
}

// answer empties the UDP socket that p is for, if there is one, and answers.
func (h *Host) answer(p Packet) error {
	fd, ok := h.listening[socket{p.Proto, p.DstPort, p.Src.Is6()}]
	if !ok {
		return nil
	}
	for {
		_, from, err := unix.Recvfrom(fd, h.buf[:], 0)
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read datagram: %w", err)
		}
		if p.Silent || p.Src.IsUnspecified() { // 0.0.0.0 would be the host itself
			continue
		}
		err = unix.Sendto(fd, nil, 0, from)
		if err != nil && err != unix.EPERM { // EPERM: the output hook dropped it
			return fmt.Errorf("answer datagram: %w", err)
		}
	}
}
