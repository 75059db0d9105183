package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stateFolder is where locks lie, and what to go back to. Only its owner can read it.
const stateFolder = "/run/knockc"

// ErrBusy says that another process changes the table.
var ErrBusy = errors.New("another knockc is changing this table: wait for it")

// stateFile is the name of a file about a table of this thread's network namespace.
func stateFile(table, kind string) (string, error) {
	if err := os.MkdirAll(stateFolder, 0o700); err != nil {
		return "", err
	}
	var s unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &s); err != nil {
		return "", err
	}
	return filepath.Join(stateFolder, fmt.Sprintf("%d.%s.%s", s.Ino, table, kind)), nil
}

// Lock keeps other processes from changing the table until unlock is called or the
// process ends; [ErrBusy] if one is at it.
func Lock(table string) (unlock func(), err error) {
	name, err := stateFile(table, "lock")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
