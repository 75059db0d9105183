package live

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"knockc/compiler"
)

// Host is a connection to the kernel.
type Host struct {
	conn   *nftables.Conn
	raw    *netlink.Conn // for what the library has no words for
	dumper dumper        // on the same socket
}

// Errors that a user can do something about.
var (
	ErrPermission = errors.New("that needs CAP_NET_ADMIN: run it as root")
	ErrNoNFTables = errors.New("this kernel has no nf_tables")
)

// Open connects to the kernel.
func Open() (*Host, error) {
	conn, err := nftables.New(nftables.AsLasting(), compiler.WithBuffers())
	if err != nil {
		return nil, explain(err)
	}
	raw, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		conn.CloseLasting()
		return nil, explain(err)
	}
	h := &Host{conn: conn, raw: raw}
	if h.dumper, err = newDumper(raw); err != nil {
		h.Close()
		return nil, explain(err)
	}
	return h, nil
}

// Close ends the connection.
func (h *Host) Close() error { return errors.Join(h.conn.CloseLasting(), h.raw.Close()) }

// reopen is for a connection on which answers were lost.
func (h *Host) reopen() error {
	h.Close()
	again, err := Open()
	if err == nil {
		*h = *again
	}
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
