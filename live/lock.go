package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// stateFolder is where locks lie, and what to go back to: only its owner can read it.
// Root in a user namespace, who may not write there, has it among the user's own.
func stateFolder() (string, error) {
	const folder = "/run/knockc"
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		err = unix.Access(folder, unix.W_OK)
	}
	if own := os.Getenv("XDG_RUNTIME_DIR"); own != "" && errors.Is(err, fs.ErrPermission) {
		own = filepath.Join(own, "knockc")
		return own, os.MkdirAll(own, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("cannot write in %s: %w", folder, err)
	}
	return folder, nil
}

// ErrBusy says that another process changes the table.
var ErrBusy = errors.New("another knockc is changing this table: wait for it")

// stateFile is the name of a file about a table of this thread's network namespace. The
// kernel numbers these and gives no number twice (SO_NETNS_COOKIE).
func stateFile(table, kind string) (string, error) {
	folder, err := stateFolder()
	if err != nil {
		return "", err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	namespace, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return "", fmt.Errorf("the kernel does not number its network namespaces: %w", err)
	}
	return filepath.Join(folder, fmt.Sprintf("%d.%s.%s", namespace, table, kind)), nil
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
