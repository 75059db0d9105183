//go:build linux

package live

import (
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

	isSteady bool // see [kernel.Steady]
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

// Generation asks the kernel, which counts transactions.
func (h *kernel) Generation() (uint32, error) {
	if err := h.connect(); err != nil {
		return 0, err
	}
	answers, err := h.raw.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0}, // nfgenmsg
	})
	if err != nil { // it may be that of an empty transaction, so another answer may come
		return 0, explain(errors.Join(err, h.reconnect()))
	}
	if len(answers) != 1 || len(answers[0].Data) < 4 {
		return 0, errors.New("the kernel does not tell the generation of its rules")
	}
	return uint32(bigEndian(find(answers[0].Data[4:], unix.NFTA_GEN_ID))), nil
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
