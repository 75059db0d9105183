//go:build linux

package netns

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Race gives packets to the host at the same instant, each on a thread of its own, as far
// as there are CPUs. It does not look at what becomes of them.
func (h *Host) Race(packets ...Packet) error {
	wires, errs := make([][]byte, len(packets)), make([]error, len(packets))
	for i, p := range packets {
		p, err := h.complete(p)
		if err != nil {
			return err
		}
		seq, ack := h.numbers(p)
		wires[i] = p.append(nil, seq, ack)
	}
	var waiting atomic.Int32
	waiting.Store(int32(len(packets)))
	var group sync.WaitGroup
	for i, p := range packets {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			waiting.Add(-1)
			for waiting.Load() > 0 { // to sleep would cost more than a packet takes
			}
			if _, err := unix.Write(h.tuns[p.Iface], wires[i]); err != nil {
				errs[i] = fmt.Errorf("send packet: %w", err)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
