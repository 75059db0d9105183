//go:build linux

package capture_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
	"example.org/knockc/sim/capture"
)

// TestForwardedOnKernel knocks at a router for a service of a host behind it, and holds
// the replay of what tcpdump recorded there to what the kernel let through.
func TestForwardedOnKernel(t *testing.T) {
	n := newNetwork(t, "knock")
	inner := n.behind(t)
	result := compile(t, `
		open 80
		knock nas < 7000 udp/8000 9000 -> 445 within 2s grant 2s reset any at 198.19.0.0/24 2001:db8:a::5 >`)
	var script bytes.Buffer
	if err := result.Ruleset.WriteNFT(&script, nil); err != nil {
		t.Fatal(err)
	}
	n.Host.RunWith(t, watch+script.String(), "nft", "-f", "-")
	inner.Serve(t, "445")
	inner.Serve(t, "80")
	n.Peer.Serve(t, "6000")
	ether, anyDevice := filepath.Join(t.TempDir(), "eth0.pcap"), filepath.Join(t.TempDir(), "any.pcap")
	stopEther, stopAny := record(t, n.Host, "eth0", ether), record(t, n.Host, "any", anyDevice)

	n.visitBehind(t, inner, "192.0.2.1", "192.0.2.2", "198.19.0.5")
	n.visitBehind(t, inner, "2001:db8::1", "2001:db8::2", "2001:db8:a::5")

	stopEther()
	stopAny()
	arrived, accepted := n.counted(t, "arrived"), n.counted(t, "accepted")
	if arrived.sum() < 50 || accepted.sum() == arrived.sum() {
		t.Errorf("%d packets arrived, %d were accepted", arrived.sum(), accepted.sum())
	}
	o := capture.Options{Hosts: hosts, At: []netip.Prefix{netip.MustParsePrefix("198.19.0.0/24"), netip.MustParsePrefix("2001:db8:a::5/128")}}
	for _, lan := range []string{"198.19.0.1", "2001:db8:a::1"} {
		o.Hosts = append(o.Hosts[:len(o.Hosts):len(o.Hosts)], netip.MustParseAddr(lan))
	}
	for _, file := range []string{ether, anyDevice} {
		simArrived, simAccepted, stats := replayFile(t, result, file, o)
		bad := compareTallies(t, "arrived", arrived, simArrived) + compareTallies(t, "accepted", accepted, simAccepted)
		t.Logf("%s: %s; %d disagreements", filepath.Base(file), stats, bad)
		if copies := stats.LeftOut[capture.Forwarded]; (copies > 20) != (file == anyDevice) {
			t.Errorf("%s: %d copies", file, copies)
		}
	}
}

// behind makes the host a router, and gives it another host behind it.
func (n network) behind(t *testing.T) netns.Namespace {
	t.Helper()
	inner := netns.NewPair(t).Peer
	inner.Run(t, "ip", "address", "flush", "dev", "eth0")
	n.Host.Run(t, "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", fmt.Sprint(int(inner)))
	for ns, last := range map[netns.Namespace]int{n.Host: 1, inner: 5} {
		ns.Run(t, "ip", "address", "add", fmt.Sprintf("198.19.0.%d/24", last), "dev", "lan0")
		ns.Run(t, "ip", "address", "add", fmt.Sprintf("2001:db8:a::%d/64", last), "dev", "lan0", "nodad")
		ns.Run(t, "ip", "link", "set", "lan0", "up")
	}
	inner.Run(t, "ip", "route", "add", "default", "via", "198.19.0.1")
	inner.Run(t, "ip", "-6", "route", "add", "default", "via", "2001:db8:a::1")
	n.Peer.Run(t, "ip", "route", "add", "198.19.0.0/24", "via", "192.0.2.1")
	n.Peer.Run(t, "ip", "-6", "route", "add", "2001:db8:a::/64", "via", "2001:db8::1")
	err := n.Host.Do(func() error {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // until the wire is up
		if c, err := n.Host.Dial(t, "198.19.0.5:1"); err == nil {
			c.Close()
		}
	}
	return inner
}

// visitBehind is what the peer does: it knocks, some steps at the router and some at the
// host behind it, and enters there. That one connects to the peer on its own.
func (n network) visitBehind(t *testing.T, inner netns.Namespace, host, peer, at string) {
	t.Helper()
	door := net.JoinHostPort(at, "445")
	n.closed(t, door)
	c := n.enters(t, door, func() {
		n.Peer.Run(t, "knock", host, "7000")
		n.Peer.Run(t, "knock", at, "8000:udp")
		n.Peer.Run(t, "knock", host, "80") // open
		n.Peer.Run(t, "knock", host, "9000")
	})
	talk(t, c)
	for _, port := range []string{"80", "81"} { // nothing to the policy, except that they reset
		if c, err := n.Peer.Dial(t, net.JoinHostPort(at, port)); err == nil {
			talk(t, c)
			c.Close()
		}
	}
	time.Sleep(2500 * time.Millisecond)
	n.closed(t, door)
	talk(t, c) // what is established stays
	c.Close()
	own := inner.Connect(t, net.JoinHostPort(peer, "6000"))
	talk(t, own)
	own.Close()
}
