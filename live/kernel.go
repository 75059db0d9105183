//go:build linux

package live

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernel reads and changes tables, each at once, over a connection of its own. It connects
// when it is first asked whether or what it may read.
type kernel struct {
	clock  Clock
	wire   *wire
	conn   *nftables.Conn // on the wire
	raw    *netlink.Conn  // for what the library has no words for
	dumper dumper         // on the same socket
}

// connect connects to the kernel, unless that is done.
func (h *kernel) connect() error {
	if h.dumper != nil {
		return nil
	}
	wire, conn, err := newWire()
	if err != nil {
		return explain(err)
	}
	raw, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return explain(errors.Join(err, wire.Close()))
	}
	dumper, err := newDumper(raw)
	if err != nil {
		return explain(errors.Join(err, wire.Close(), raw.Close()))
	}
	h.wire, h.conn, h.raw, h.dumper = wire, conn, raw, dumper
	return nil
}

// Close ends the connection, if there is one.
func (h *kernel) Close() error {
	if h.dumper == nil {
		return nil
	}
	h.dumper = nil
	return errors.Join(h.wire.Close(), h.raw.Close())
}

// reconnect is for a connection on which answers were lost.
func (h *kernel) reconnect() error {
	h.Close()
	return h.connect()
}

// Generation asks the kernel, which counts transactions. It counts one before all of it can be
// seen: until then a table that is made again is there twice, and the rules of its chains are
// those of the first, which are none. So this waits for a transaction that is under way.
func (h *kernel) Generation() (uint32, error) {
	if err := h.connect(); err != nil {
		return 0, err
	}
	if err := h.awaitTransaction(); err != nil {
		return 0, explain(err)
	}
	answers, err := h.raw.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0}, // nfgenmsg
	})
	if err != nil || len(answers) != 1 || len(answers[0].Data) < 4 {
		return 0, explain(cmp.Or(err, errors.New("the kernel does not tell the generation of its rules")))
	}
	return uint32(bigEndian(find(answers[0].Data[4:], unix.NFTA_GEN_ID))), nil
}

// awaitTransaction returns when the transaction is over that is under way, if one is. It begins
// and ends an empty one, for which the kernel waits as transactions come one after the other.
// The kernel does not count it (nf_tables_commit).
func (h *kernel) awaitTransaction() error {
	about := []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES} // nfgenmsg
	_, err := h.raw.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_BEGIN, Flags: netlink.Request}, Data: about},
		{Header: netlink.Header{Type: unix.NFNL_MSG_BATCH_END, Flags: netlink.Request}, Data: about},
	})
	return err
}

// explain puts an error in a user's words, on one line.
func explain(err error) error {
	if err == nil {
		return nil
	}
	first := oneLine{err}
	says := func(e unix.Errno) bool { return strings.Contains(first.Error(), e.Error()) }
	switch {
	case is(err, unix.EPERM):
		return ErrPermission
	case says(unix.EPROTONOSUPPORT), says(unix.EOPNOTSUPP), says(unix.EAFNOSUPPORT):
		return fmt.Errorf("%w (%w)", ErrNoNFTables, first)
	}
	return first
}

// is reports whether the kernel said so. The library does not wrap all errors, so they
// are told by their text too.
func is(err error, e unix.Errno) bool {
	return err != nil && (errors.Is(err, e) || strings.Contains(err.Error(), e.Error()))
}

// oneLine is the first of many errors of a transaction that failed as a whole.
type oneLine struct{ error }

func (e oneLine) Error() string {
	first, _, _ := strings.Cut(e.error.Error(), "\n")
	return first
}

func (e oneLine) Unwrap() error { return e.error }
