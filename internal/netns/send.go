//go:build linux

package netns

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Result is what happened to a packet.
type Result struct {
	// Accepted says that the packet passed the input hook.
	Accepted bool

	// Forwarded says that the packet left the host again, with a TTL that is one less. To
	// is where it goes then: its destination, perhaps changed by a rule. The port of a
	// ping is 0.
	Forwarded bool
	To        netip.AddrPort

	// Answer is what the host or the inner host sent back for this packet.
	Answer Answer

	// Before and After are the jiffy counts before and after the kernel saw the packet. If
	// they are equal, the rules saw the same jiffy.
	Before, After int64
}

// flow names a TCP connection.
type flow struct{ client, server netip.AddrPort }

// connection is what the client knows of a connection that the server, the host or
// an inner host, agreed to. The server never sends data.
type connection struct {
	first  uint32 // the client's first sequence number
	server uint32 // the server's next one

	// Which of the two has sent its FIN.
	finished, serverFinished bool
}

// over reports whether a SYN begins another connection.
func (c connection) over() bool { return c.finished && c.serverFinished }

func (p Packet) flow() flow {
	return flow{netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)}
}

// Send gives p to the host and returns what happened to it. An accepted datagram on a
// port that the host listens on is answered before Send returns, and so is a packet
// that the host forwards to an inner host.
func (h *Host) Send(p Packet) (Result, error) {
	p, err := h.complete(p)
	if err != nil {
		return Result{}, err
	}
	if _, err := h.readOutput(p, false); err != nil {
		return Result{}, err
	}
	r, err := h.write(p)
	if err != nil {
		return Result{}, err
	}
	port, err := h.received(p)
	if err != nil {
		return Result{}, err
	}
	if r.Accepted = port != nil; r.Accepted {
		if err := h.settle(p, *port); err != nil {
			return Result{}, err
		}
	}
	out, err := h.readOutput(p, false)
	r.Answer = out.answer
	if err != nil || out.passed == nil {
		return r, err
	}
	r.Forwarded, r.To = true, out.passed.to
	answer, err := h.relay(p, *out.passed)
	if r.Answer == NoAnswer {
		r.Answer = answer
	}
	return r, err
}

// settle does what follows from p's acceptance at a port, before the host's own
// answers.
func (h *Host) settle(p Packet, port uint16) error {
	switch p.Proto {
	case UDP:
		return h.answer(p, port)
	case TCP:
		server := p.flow().server
		if port != p.DstPort { // redirected, to the first address of the interface
			server = netip.AddrPortFrom(ownAddr(p.Src.Is6()), port)
		}
		h.settleTCP(p, server)
	}
	return nil
}

// settleTCP notes what follows from a segment that a server has received.
func (h *Host) settleTCP(p Packet, server netip.AddrPort) {
	f := p.flow()
	delete(h.translated, f)
	if server != f.server {
		h.translated[f] = server
	}
	c, known := h.connections[f]
	switch {
	case !known:
	case p.Flags&RST != 0:
		delete(h.connections, f)
	case p.Flags&(SYN|FIN|ACK) == FIN|ACK:
		c.finished = true
		h.connections[f] = c
	}
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
// has the same one. After a connection that both ends have closed it is a larger
// one, as RFC 9293 section 3.10.7.4 has it for TIME-WAIT.
func (h *Host) numbers(p Packet) (seq, ack uint32) {
	if p.Proto != TCP {
		return 0, 0
	}
	f := p.flow()
	c, known := h.connections[f]
	if seq = c.first; !known {
		seq = uint32(maphash.Comparable(seed, f))
	}
	switch {
	case p.Flags&SYN == 0:
		seq++
		if c.finished && p.Flags&FIN == 0 {
			seq++
		}
	case c.over():
		seq += 1 << 16
	}
	switch {
	case p.Flags&ACK == 0:
		return seq, 0
	case !known:
		return seq, 1
	}
	return seq, c.server
}

// received empties the raw socket that p comes out of if it is accepted. It returns
// the port that p then is for, which a rule may have changed; nil if it is not
// accepted.
func (h *Host) received(p Packet) (*uint16, error) {
	fd := h.raw[socket{proto: p.Proto, v6: p.Src.Is6()}]
	var found *uint16
	for {
		n, from, err := unix.Recvfrom(fd, h.buf[:], 0)
		if err == unix.EAGAIN {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read raw socket: %w", err)
		}
		if port, ok := p.is(from, h.buf[:n]); ok && found == nil {
			found = &port
		}
	}
}

// is reports whether p is what a raw socket received, and the port that it is for.
// IPv4 raw sockets deliver the IP header too.
func (p Packet) is(from unix.Sockaddr, b []byte) (port uint16, ok bool) {
	var src netip.Addr
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		src = netip.AddrFrom4(from.Addr)
		b = b[int(b[0]&0xf)*4:]
	case *unix.SockaddrInet6:
		src = netip.AddrFrom16(from.Addr)
	}
	switch {
	case src != p.Src:
		return 0, false
	case p.Proto == Ping:
		return 0, p.begins(b)
	case !p.comesFrom(b):
		return 0, false
	}
	return binary.BigEndian.Uint16(b[2:]), true
}

// answer empties the UDP socket at the port that p came to, if there is one, and
// answers.
func (h *Host) answer(p Packet, port uint16) error {
	fd, ok := h.listening[socket{p.Proto, port, p.Src.Is6()}]
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
