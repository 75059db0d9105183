//go:build linux

package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// folder keeps notes in files that only their owner can read.
type folder struct {
	path  string
	clock Clock
}

const runFolder = "/run/knockc"

// writable makes the folder. Root in a user namespace, who may not write there, has it
// among the user's own.
func (f *folder) writable() (string, error) {
	err := os.MkdirAll(f.path, 0o700)
	if err == nil {
		err = unix.Access(f.path, unix.W_OK)
	}
	if own := os.Getenv("XDG_RUNTIME_DIR"); own != "" && errors.Is(err, fs.ErrPermission) {
		own = filepath.Join(own, "knockc")
		return own, os.MkdirAll(own, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("cannot write in %s: %w", f.path, err)
	}
	return f.path, nil
}

// file is the name of a file about a table of this thread's network namespace.
func (f *folder) file(table, kind string) (string, error) {
	folder, err := f.writable()
	if err != nil {
		return "", err
	}
	number, err := namespace()
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, fmt.Sprintf("%d.%s.%s", number, table, kind)), nil
}

// namespace is the number of this thread's network namespace. The kernel gives no number
// twice in a boot, and that of the host is the same in each (SO_NETNS_COOKIE).
func namespace() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	number, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, errors.New("the kernel gives this network namespace no number: this needs Linux 5.14 or later")
	}
	if err != nil {
		return 0, fmt.Errorf("cannot find the number of this network namespace: %w", err)
	}
	return number, nil
}

func (f *folder) Lock(table string, patience time.Duration) (unlock func(), err error) {
	name, err := f.file(table, "lock")
	if err != nil {
		return nil, err
	}
	return lockFile(name, f.clock, patience)
}

// lockFile locks a file until unlock is called or the process ends.
func lockFile(name string, clock Clock, patience time.Duration) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := clock.Now() + patience; ; clock.Sleep(10 * time.Millisecond) {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if err != unix.EWOULDBLOCK || clock.Now() >= deadline {
			break
		}
	}
	file.Close()
	if err == unix.EWOULDBLOCK {
		return nil, ErrBusy
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}

func (f *folder) Find(table string) (*note, error) {
	name, err := f.file(table, "trial")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	n := &note{}
	if err == nil {
		err = json.Unmarshal(text, n)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return n, nil
}

func (f *folder) Tables() ([]string, error) {
	any, err := f.file("*", "trial")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(any)
	before, after, _ := strings.Cut(any, "*")
	var tables []string
	for _, name := range files {
		tables = append(tables, strings.TrimSuffix(strings.TrimPrefix(name, before), after))
	}
	return tables, err
}

func (f *folder) Write(n *note) error {
	name, err := f.file(n.Table, "trial")
	if err != nil {
		return err
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	beside := name + ".new"
	if err = os.WriteFile(beside, text, 0o600); err == nil {
		err = os.Rename(beside, name)
	}
	if err != nil {
		os.Remove(beside)
	}
	return err
}

func (f *folder) Remove(table string) error {
	name, err := f.file(table, "trial")
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot end the trial: %w", err)
	}
	return nil
}
