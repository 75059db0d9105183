package live

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"knockc/compiler"
)

// Host is a connection to the kernel.
type Host struct{ conn *nftables.Conn }

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
	return &Host{conn}, nil
}

// Close ends the connection.
func (h *Host) Close() error { return h.conn.CloseLasting() }

// explain puts an error in a user's words. The library does not wrap all errors, so
// they are told by their text too.
func explain(err error) error {
	is := func(e unix.Errno) bool { return errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) }
	switch {
	case err == nil:
		return nil
	case is(unix.EPERM):
		return ErrPermission
	case is(unix.EPROTONOSUPPORT), is(unix.EOPNOTSUPP), is(unix.EAFNOSUPPORT):
		return fmt.Errorf("%w (%w)", ErrNoNFTables, err)
	}
	return err
}
