//go:build linux

package netns

import (
	"fmt"
	"iter"

	"golang.org/x/sys/unix"
)

// floodBatch is the number of packets between two readings of the answers, which
// all lie in the TUN devices' queues until then.
const floodBatch = 256

// Flood gives packets to the host without looking at the result of each, and returns
// how many it gave. UDP listeners do not answer, and Send does not learn of connections
// that the packets end. Inner hosts do not answer either.
func (h *Host) Flood(packets iter.Seq[Packet]) (n int, err error) {
	if _, err := h.readOutput(Packet{}, false); err != nil {
		return 0, err
	}
	for p := range packets {
		p, err := h.complete(p)
		if err != nil {
			return n, err
		}
		if _, err := h.write(p); err != nil {
			return n, err
		}
		n++
		if n%floodBatch == 0 {
			if err := h.discardOutput(); err != nil {
				return n, err
			}
		}
	}
	return n, h.drain()
}

// drain empties all that Send reads from.
func (h *Host) drain() error {
	if err := h.discardOutput(); err != nil {
		return err
	}
	for _, fd := range h.raw {
		if err := h.discard(fd); err != nil {
			return err
		}
	}
	for s, fd := range h.listening {
		if s.proto != UDP {
			continue
		}
		if err := h.discard(fd); err != nil {
			return err
		}
	}
	return nil
}

// discardOutput empties the TUN devices. Of what left by them, Sent does not tell.
func (h *Host) discardOutput() error {
	before := len(h.sent)
	_, err := h.readOutput(Packet{}, false)
	h.sent = h.sent[:before]
	return err
}

func (h *Host) discard(fd int) error {
	for {
		_, err := unix.Read(fd, h.buf[:])
		if err == unix.EAGAIN {
			return nil
		}
		if err != nil {
			return fmt.Errorf("empty socket: %w", err)
		}
	}
}
