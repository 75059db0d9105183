//go:build linux

package capture_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// network is a host and a peer on one wire, in namespaces of their own. They last
// as long as two processes that do nothing in them, a minute at most.
type network struct {
	host, peer namespace
}

// namespace is the process that holds a network namespace.
type namespace int

// newNetwork skips the test if a program is missing, or the right to make namespaces.
func newNetwork(t *testing.T, programs ...string) *network {
	t.Helper()
	for _, program := range append(programs, "ip", "nft", "nsenter", "unshare") {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, err)
		}
	}
	// In "unshare -r" tcpdump cannot do without: it calls setgroups, whoever it is to
	// run as.
	if groups, err := os.ReadFile("/proc/self/setgroups"); err == nil && strings.TrimSpace(string(groups)) == "deny" {
		t.Skip("tcpdump needs setgroups(2), which is denied here")
	}
	n := &network{newNamespace(t), newNamespace(t)}
	n.host.run(t, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(int(n.peer)))
	for i, ns := range []namespace{n.host, n.peer} {
		ns.run(t, "ip", "address", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", "eth0")
		ns.run(t, "ip", "address", "add", fmt.Sprintf("2001:db8::%d/64", i+1), "dev", "eth0", "nodad")
		ns.run(t, "ip", "link", "set", "lo", "up")
		ns.run(t, "ip", "link", "set", "eth0", "up")
	}
	return n
}

func skip(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("KNOCKC_KERNEL") == "required" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func newNamespace(t *testing.T) namespace {
	t.Helper()
	holder := exec.Command("unshare", "--net", "sleep", "60")
	if err := holder.Start(); err != nil {
		skip(t, err)
	}
	t.Cleanup(func() {
		holder.Process.Kill()
		holder.Wait()
	})
	ns := namespace(holder.Process.Pid)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if its, err := os.Readlink(ns.path()); err == nil && its != own {
			return ns
		}
		time.Sleep(time.Millisecond)
	}
	skip(t, fmt.Errorf("unshare --net makes no namespace"))
	return 0
}

func (ns namespace) path() string { return filepath.Join("/proc", fmt.Sprint(int(ns)), "ns/net") }

func (ns namespace) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + ns.path(), "--"}, args...)...)
}

// run runs a program in the namespace, for half a minute at most.
func (ns namespace) run(t *testing.T, args ...string) string {
	t.Helper()
	return ns.runWith(t, "", args...)
}

func (ns namespace) runWith(t *testing.T, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := ns.command(ctx, args...)
	var errs bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader(input), &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// do calls f on a thread in the namespace. What sockets f opens stay there.
func (ns namespace) do(t *testing.T, f func() error) error {
	t.Helper()
	errs := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		errs <- func() error {
			fd, err := unix.Open(ns.path(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-errs
}

// serve echoes what a TCP port of the namespace is sent.
func (ns namespace) serve(t *testing.T, port string) {
	t.Helper()
	var l net.Listener
	err := ns.do(t, func() (err error) {
		l, err = net.Listen("tcp", "[::]:"+port)
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
			go func() {
				defer c.Close()
				b := make([]byte, 64)
				for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
					c.Write(b[:n])
				}
			}()
		}
	}()
}

// dial connects from the namespace, in half a second or not at all.
func (ns namespace) dial(t *testing.T, address string) (net.Conn, error) {
	t.Helper()
	var c net.Conn
	err := ns.do(t, func() (err error) {
		c, err = net.DialTimeout("tcp", address, 500*time.Millisecond)
		return err
	})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// record records with tcpdump until the function that it returns is called, which
// makes sure that nothing was missed.
func (ns namespace) record(t *testing.T, iface, file string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := ns.command(ctx, "tcpdump", "-i", iface, "-n", "-Z", "root", "-s", "128", "-B", "32768", "--immediate-mode", "-U", "-w", file)
	said := &lockedBuffer{}
	c.Stderr = said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; !strings.Contains(said.String(), "listening on"); i++ {
		if i == 500 {
			t.Fatalf("tcpdump does not begin: %s", said)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() {
		time.Sleep(200 * time.Millisecond)
		c.Process.Signal(unix.SIGINT)
		if err := c.Wait(); err != nil || !strings.Contains(said.String(), "\n0 packets dropped by kernel") {
			t.Fatalf("tcpdump: %v\n%s", err, said)
		}
	}
}
