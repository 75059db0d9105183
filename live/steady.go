//go:build linux

package live

import (
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// steady repeats a read of several requests until nobody has changed a table meanwhile: all of
// it is then from one moment. On a host whose tables change all the time, it returns what it
// read last.
func steady[T any](of tables, read func() (T, error)) (found T, err error) {
	err = of.Steady(func() (err error) {
		found, err = read()
		return err
	})
	return found, err
}

// Steady is [steady] for a read that keeps what it finds. One inside another reads once.
func (h *kernel) Steady(read func() error) error {
	if h.isSteady {
		return read()
	}
	h.isSteady = true
	defer func() { h.isSteady = false }()
	before, err := h.Generation()
	for try := 1; err == nil; try++ {
		if err = h.awaitTransaction(); err != nil {
			break
		}
		failed := read()
		if try == maxTries {
			return failed
		}
		if err = h.awaitTransaction(); err != nil {
			break
		}
		last := before
		if before, err = h.Generation(); err == nil && before == last {
			return failed
		}
	}
	return err
}

// awaitTransaction waits for the transaction that is under way, if there is one. The kernel
// counts a transaction before all of it can be seen. Until then a table that is made again is
// there twice, and the kernel looks for rules in the first, which has none any more. So this
// sends an empty transaction: the kernel does one after the other, and does not count an empty
// one (nf_tables_commit).
func (h *kernel) awaitTransaction() error {
	about := []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES} // nfgenmsg
	_, err := h.raw.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: about},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: about},
	})
	return explain(err)
}
