//go:build linux

// Package netns runs nft rulesets on the real kernel.
//
// A [Host] is a network namespace whose interfaces are TUN devices. Its user loads an nft
// script and sends packets. For each packet, it knows at once whether the input hook
// accepted it, whether the host forwarded it and what came back. Nothing leaves the
// namespace.
//
// [New] makes a Host for a test. Every packet in the world could arrive on it: no source
// address is refused, and both default routes point into the first device. [NewHost]
// makes a Host without addresses and routes, for a program that copies those of another.
// All else in this package is for tests.
//
// Three facts make this exact and fast:
//
//   - Before write(2) of a packet to a TUN device returns, it has run the whole input
//     path, rules, conntrack and the TCP stack (tun_get_user calls
//     netif_receive_skb).
//   - A raw socket receives exactly the packets that passed the input hook
//     (ip_local_deliver_finish, ip6_protocol_deliver_rcu), so a packet was
//     accepted if a raw socket holds it after the write.
//   - The host's answer is in the TUN device by then too. Send reads it, so it knows
//     the answer and the numbers that later segments of the same connection must
//     have.
//
// A Host is a real host: its listeners complete handshakes, its closed ports
// answer with RST or an ICMP error, it answers pings, and conntrack sees both
// directions.
//
// It is a router too. A packet to an address that is not its own leaves through a TUN
// device, since all routes go there, and an inner host answers it. Every address in the
// world that is not the host's has an inner host. All its ports are open, but it does
// not answer pings. Its answers are forwarded to the client in the same way. A
// forwarded packet has a TTL that is one less than it was sent with, which
// distinguishes it from packets of the host itself.
//
// It works as root, and in "unshare -rn" for anyone who may open /dev/net/tun.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a network namespace that receives the packets that it is sent. Hosts are
// independent of each other; one Host is for one goroutine at a time.
type Host struct {
	calls chan func() // run by the namespace's thread
	ended chan struct{}

	nft       string         // path of the program
	tuns      map[string]int // by interface name; "" is the first
	links     []int          // the same, in order
	raw       map[socket]int // port 0
	listening map[socket]int
	accepted  map[flow]int // the host's ends of connections that [Host.accept] took from a queue
	fds       []int        // all of the above

	connections map[flow]connection
	peers       map[flow]peer
	translated  map[flow]netip.AddrPort // the servers whose clients know another address
	sent        []Segment               // since the last call of Sent
	lastPort    uint16
	buf         [maxPacket]byte
}

// socket says what a socket of the namespace receives.
type socket struct {
	proto Proto
	port  uint16
	v6    bool
}

// New returns a host with interfaces of these names, at least one. The first has
// the addresses and the routes; packets to those addresses are received on all of
// them, as they are on any host with Linux's weak host model. The host is removed
// when the test ends.
//
// If the machine cannot have a host, because permission, /dev/net/tun or the program
// nft is missing, New skips the test. With KNOCKC_KERNEL=required in the environment,
// the test fails instead.
func New(t TB, ifnames ...string) *Host {
	t.Helper()
	h, err := open(ifnames...)
	if err != nil {
		if Unable(err) && os.Getenv("KNOCKC_KERNEL") != "required" {
			t.Skipf("no network namespace here: %v", err)
		}
		t.Fatalf("make network namespace: %v", err)
	}
	t.Cleanup(h.Close)
	return h
}

// Unable reports whether the error of [NewHost] is about the machine, because permission,
// /dev/net/tun or the program nft is missing.
func Unable(err error) bool {
	for _, target := range []error{
		fs.ErrPermission, fs.ErrNotExist, exec.ErrNotFound,
		unix.ENODEV, unix.EROFS, unix.EAFNOSUPPORT,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// Interface is one that a host has. The kernel chooses the index if it is 0, or that of an
// interface that every namespace has.
type Interface struct {
	Name  string
	Index int
}

// NewHost returns a host with these interfaces, at least one, which are down and have no
// addresses. Its user configures it with functions that [Host.Do] runs, gives each Packet a
// destination, and closes it.
func NewHost(ifaces ...Interface) (*Host, error) {
	if len(ifaces) == 0 {
		return nil, errors.New("want the name of an interface")
	}
	nft, err := findNft()
	if err != nil {
		return nil, err
	}
	h := &Host{
		calls:       make(chan func()),
		ended:       make(chan struct{}),
		nft:         nft,
		tuns:        make(map[string]int),
		raw:         make(map[socket]int),
		listening:   make(map[socket]int),
		accepted:    make(map[flow]int),
		connections: make(map[flow]connection),
		peers:       make(map[flow]peer),
		translated:  make(map[flow]netip.AddrPort),
	}
	go onOwnThread(h.serve)
	if err := h.Do(func() error { return h.setUp(ifaces) }); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// open returns a host that has addresses and routes.
func open(ifnames ...string) (*Host, error) {
	var ifaces []Interface
	for _, ifname := range ifnames {
		ifaces = append(ifaces, Interface{Name: ifname})
	}
	h, err := NewHost(ifaces...)
	if err != nil {
		return nil, err
	}
	err = h.Do(func() error { return setSysctls(ifnames) })
	if err == nil {
		err = h.Do(func() error { return configure(ifnames) })
	}
	if err == nil {
		err = h.awaitAddresses(ifnames)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// awaitAddresses waits until the host receives packets to each of its addresses
// on each interface: the route to an IPv6 address is made by a kernel thread
// (addrconf_dad_work), which takes its time on a busy machine.
func (h *Host) awaitAddresses(ifnames []string) error {
	for _, ifname := range ifnames {
		for _, src := range []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")} {
			if err := h.await(Packet{Src: src, Proto: UDP, DstPort: 9, Iface: ifname}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Host) await(p Packet) error {
	for tries := 20_000; ; time.Sleep(time.Millisecond) {
		r, err := h.Send(p)
		if err != nil || r.Accepted {
			return err
		}
		if tries--; tries == 0 {
			return fmt.Errorf("the host does not receive packets from %v on %s", p.Src, p.Iface)
		}
	}
}

// findNft also looks where an ordinary user's PATH doesn't.
func findNft() (string, error) {
	path, err := exec.LookPath("nft")
	if err == nil {
		return path, nil
	}
	if path, sbinErr := exec.LookPath("/usr/sbin/nft"); sbinErr == nil {
		return path, nil
	}
	return "", err
}

// serve is the namespace's thread.
func (h *Host) serve() {
	defer close(h.ended)
	for f := range h.calls {
		f()
	}
}

// onOwnThread calls f on a thread that ends with the goroutine, whatever f does to
// it. It is the whole of a goroutine.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	// The main thread is never destroyed, so it must not enter a namespace.
	// Occupied here, it can't be the next goroutine's thread.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		onOwnThread(f)
	}()
	<-ended
	runtime.UnlockOSThread()
}

// Close ends the thread and closes the sockets. The kernel then removes the
// namespace and all that is in it.
func (h *Host) Close() {
	close(h.calls)
	<-h.ended
	for _, fd := range h.fds {
		unix.Close(fd)
	}
}

// Do runs f on the thread that is in the namespace, so that sockets it opens and
// programs it starts belong there. f must not use h.
func (h *Host) Do(f func() error) error {
	result := make(chan error, 1)
	h.calls <- func() { result <- f() }
	return <-result
}

// Load loads an nft script, as nft -f does: all of it or nothing. An error has the
// message of nft.
func (h *Host) Load(script string) error {
	_, err := h.runNft(script, "-f", "-")
	return err
}

// Nft runs nft with args, for example "list", "ruleset", and returns its output. An
// error has the message of nft.
func (h *Host) Nft(args ...string) (string, error) {
	return h.runNft("", args...)
}

func (h *Host) runNft(stdin string, args ...string) (string, error) {
	var stdout, stderr strings.Builder
	cmd := exec.Command(h.nft, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // ^C on a terminal ends the caller first
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := h.Do(cmd.Run)
	if words := strings.TrimSpace(stderr.String()); err != nil && words != "" {
		return "", fmt.Errorf("nft: %s", words)
	}
	if err != nil {
		return "", fmt.Errorf("nft: %w", err)
	}
	return stdout.String(), nil
}

// ForgetFlows flushes the connection tracking table. The sockets stay.
func (h *Host) ForgetFlows() error {
	return h.Do(func() error {
		nl, err := dialNetlink(unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer nl.close()
		return nl.forgetFlows()
	})
}
