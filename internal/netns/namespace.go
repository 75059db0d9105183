//go:build linux

package netns

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace. It is the id of the process that keeps it alive and
// does nothing else.
type Namespace int

func newNamespace(t TB) Namespace {
	t.Helper()
	holder := exec.Command("unshare", "--net", "cat") // which ends when nobody holds its input
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		skip(t, err)
	}
	t.Cleanup(func() {
		input.Close()
		holder.Wait()
	})
	ns := Namespace(holder.Process.Pid)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(bound); time.Now().Before(deadline); {
		if its, err := os.Readlink(ns.path()); err == nil && its != own {
			return ns
		}
		time.Sleep(time.Millisecond)
	}
	skip(t, fmt.Errorf("unshare --net makes no namespace"))
	return 0
}

func (ns Namespace) path() string { return filepath.Join("/proc", fmt.Sprint(int(ns)), "ns/net") }

// Command is a program to be run in the namespace.
func (ns Namespace) Command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + ns.path(), "--"}, args...)...)
}

// Run runs a program in the namespace, for two minutes at most, and returns its output.
func (ns Namespace) Run(t TB, args ...string) string {
	t.Helper()
	return ns.RunWith(t, "", args...)
}

// RunWith is Run with standard input.
func (ns Namespace) RunWith(t TB, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := ns.Command(ctx, args...)
	var errs bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader(input), &errs
	c.WaitDelay = 10 * time.Second // something that it has started may hold its output
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// Do calls f on a thread in the namespace. Sockets that f opens stay there.
func (ns Namespace) Do(f func() error) error {
	result := make(chan error, 1)
	go onOwnThread(func() { result <- ns.enter(f) })
	return <-result
}

// enter puts the thread into the namespace for good.
func (ns Namespace) enter(f func() error) error {
	fd, err := unix.Open(ns.path(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return err
	}
	return f()
}

// Serve echoes what a TCP port of the namespace is sent, over IPv4 and IPv6.
func (ns Namespace) Serve(t TB, port string) {
	t.Helper()
	ns.ServeWith(t, &net.ListenConfig{}, port)
}

// ServeWith is Serve with a socket of another kind.
func (ns Namespace) ServeWith(t TB, config *net.ListenConfig, port string) {
	t.Helper()
	var l net.Listener
	err := ns.Do(func() (err error) {
		l, err = config.Listen(context.Background(), "tcp", "[::]:"+port)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go echo(c)
		}
	}()
}

func echo(c net.Conn) {
	defer c.Close()
	b := make([]byte, 64)
	for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
		c.Write(b[:n])
	}
}

// Dial connects from the namespace. It fails after a second.
func (ns Namespace) Dial(t TB, address string) (net.Conn, error) {
	t.Helper()
	return ns.dial(t, address, time.Second)
}

// Connect is Dial to a service that is known to be open: it may take a minute, as the machine
// may be busy, and else the test fails.
func (ns Namespace) Connect(t TB, address string) net.Conn {
	t.Helper()
	c, err := ns.dial(t, address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Finds reports whether a service is open, or shut, as expected. An answer that is expected
// may take a minute, as the machine may be busy, one that is not a second.
func (ns Namespace) Finds(t TB, address string, open bool) bool {
	t.Helper()
	patience := time.Second
	if open {
		patience = time.Minute
	}
	c, err := ns.dial(t, address, patience)
	if err == nil {
		c.Close()
	}
	return (err == nil) == open
}

func (ns Namespace) dial(t TB, address string, patience time.Duration) (net.Conn, error) {
	t.Helper()
	var c net.Conn
	err := ns.Do(func() (err error) {
		c, err = net.DialTimeout("tcp", address, patience)
		return err
	})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}
