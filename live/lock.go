package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
// process ends. It waits for them as long as patience says; then it is [ErrBusy].
func Lock(table string, patience time.Duration) (unlock func(), err error) {
	name, err := stateFile(table, "lock")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := now() + patience; ; time.Sleep(10 * time.Millisecond) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EWOULDBLOCK || now() >= deadline {
			break
		}
	}
	f.Close()
	if err == unix.EWOULDBLOCK {
		return nil, ErrBusy
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}
