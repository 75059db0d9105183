//go:build linux

package netns

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Write gives the host any IP packet, unchanged, on an interface. It returns the
// packets that the host has sent by then on any interface: its answer, and perhaps
// earlier packets. Send does not know about the packet.
func (h *Host) Write(iface string, packet []byte) ([][]byte, error) {
	tun, ok := h.tuns[iface]
	if !ok {
		return nil, fmt.Errorf("write packet: the host has no interface %q", iface)
	}
	if _, err := unix.Write(tun, packet); err != nil {
		return nil, fmt.Errorf("write packet: %w", err)
	}
	return h.Packets()
}

// Packets returns the packets that the host has sent and that were not read yet.
func (h *Host) Packets() ([][]byte, error) {
	var packets [][]byte
	for iface, tun := range h.tuns {
		if iface == "" {
			continue
		}
		for {
			n, err := unix.Read(tun, h.buf[:])
			if err == unix.EAGAIN {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("read packets: %w", err)
			}
			packets = append(packets, slices.Clone(h.buf[:n]))
		}
	}
	return packets, nil
}
