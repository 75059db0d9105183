//go:build linux

package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// Pair is a host and a peer on one wire: two namespaces joined by a pair of veth
// devices, both called eth0. Programs run in it as they would on two machines. That is
// more than a [Host] can do, but slower.
type Pair struct {
	Host Namespace // 192.0.2.1 and 2001:db8::1
	Peer Namespace // 192.0.2.2 and 2001:db8::2
}

// NewPair returns a pair that is removed when the test ends. It lasts five minutes at
// most. If a program or the right to make namespaces is missing, it skips the test as
// [New] does.
func NewPair(t TB, programs ...string) *Pair {
	t.Helper()
	for _, program := range append(programs, "ip", "nft", "nsenter", "unshare") {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, err)
		}
	}
	p := &Pair{newNamespace(t), newNamespace(t)}
	p.Host.Run(t, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(int(p.Peer)))
	for i, ns := range []Namespace{p.Host, p.Peer} {
		ns.Run(t, "ip", "address", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", "eth0")
		ns.Run(t, "ip", "address", "add", fmt.Sprintf("2001:db8::%d/64", i+1), "dev", "eth0", "nodad")
		ns.Run(t, "ip", "link", "set", "lo", "up")
		ns.Run(t, "ip", "link", "set", "eth0", "up")
	}
	p.awaitWire(t)
	return p
}

// awaitWire waits until packets pass: a closed port says so.
func (p *Pair) awaitWire(t TB) {
	t.Helper()
	for _, address := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
		var err error
		for range 20 {
			if _, err = p.Peer.Dial(t, address); errors.Is(err, unix.ECONNREFUSED) {
				break
			}
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			t.Fatalf("the wire to %s: %v", address, err)
		}
	}
}

func skip(t TB, err error) {
	t.Helper()
	if os.Getenv("KNOCKC_KERNEL") == "required" {
		t.Fatal(err)
	}
	t.Skip(err)
}
