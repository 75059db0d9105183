//go:build linux

package capture_test

import (
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// addressed are datagrams to ports of their own, from 7000 on, and what becomes of
// them: nothing, or they come to the rules, which find them addressed to a group or to
// the host.
var addressed = []struct {
	src, dst  string
	broadcast bool // the frame
	want      string
	named     bool // only if the host's addresses are named
}{
	{"192.0.2.9", "192.0.2.1", false, "host", false},
	{"192.0.2.9", "192.0.2.1", true, "host", false},
	{"192.0.2.9", "192.0.2.3", false, "host", false},
	{"192.0.2.9", "192.0.2.3", true, "host", true},
	{"192.0.2.9", "192.0.2.255", true, "group", false},
	{"192.0.2.9", "255.255.255.255", true, "group", false},
	{"192.0.2.9", "224.0.0.1", true, "group", false},
	{"192.0.2.9", "192.0.2.8", true, "", true},
	{"0.0.0.0", "255.255.255.255", true, "group", false},
	{"0.0.0.0", "224.0.0.1", true, "group", false},
	{"0.0.0.0", "224.0.1.1", true, "", true}, // a group beyond the wire
	{"0.0.0.0", "192.0.2.1", false, "", false},
	{"0.1.2.3", "192.0.2.1", false, "host", false},
	{"127.0.0.1", "192.0.2.1", false, "", false},
	{"127.9.9.9", "192.0.2.1", false, "", false},
	{"127.0.0.1", "255.255.255.255", true, "", false},
	{"127.0.0.1", "224.0.0.1", true, "", false},
	{"192.0.2.9", "127.0.0.1", false, "", false},
	{"192.0.2.1", "192.0.2.1", false, "", false},
	{"192.0.2.3", "192.0.2.1", false, "", true},
	{"192.0.2.3", "192.0.2.255", true, "", true},
	{"224.0.0.9", "192.0.2.1", false, "", false},
	{"255.255.255.255", "192.0.2.1", false, "", false},
	{"2001:db8::9", "2001:db8::1", false, "host", false},
	{"2001:db8::9", "2001:db8::1", true, "host", false},
	{"2001:db8::9", "ff02::1", true, "group", false},
	{"::1", "2001:db8::1", false, "", false},
	{"2001:db8::9", "::1", false, "", false},
	{"2001:db8::1", "2001:db8::1", false, "host", false},
	{"ff02::9", "2001:db8::1", false, "", false},
	{"::ffff:192.0.2.9", "2001:db8::1", false, "host", false},
}

const firstAddressed = 7000

// TestAddressesOnKernel sends a host what no well-behaved peer would, and holds the
// replay of the recordings to what came to the rules.
func TestAddressesOnKernel(t *testing.T) {
	n := newNetwork(t)
	n.Host.Run(t, "ip", "address", "add", "192.0.2.3/24", "dev", "eth0")
	n.Host.RunWith(t, `
table inet watch {
	set arrived { type inet_service; size 65535; flags dynamic; }
	set local { type inet_service; size 65535; flags dynamic; }
	chain input {
		type filter hook input priority -100
		meta l4proto udp ct state new,invalid update @arrived { udp dport }
		meta l4proto udp fib daddr type local update @local { udp dport }
	}
}
`, "nft", "-f", "-")
	ether, anyDevice := filepath.Join(t.TempDir(), "eth0.pcap"), filepath.Join(t.TempDir(), "any.pcap")
	stopEther, stopAny := record(t, n.Host, "eth0", ether), record(t, n.Host, "any", anyDevice)
	n.sendAddressed(t)
	stopEther()
	stopAny()

	arrived, local := n.ports(t, "arrived"), n.ports(t, "local")
	named := capture.Options{Hosts: append(slices.Clone(hosts), netip.MustParseAddr("192.0.2.3"))}
	etherNamed, anyNamed, anyAlone := becameOf(t, ether, named), becameOf(t, anyDevice, named), becameOf(t, anyDevice, capture.Options{})
	for i, test := range addressed {
		port, kernel := uint16(firstAddressed+i), ""
		switch {
		case local[port]:
			kernel = "host"
		case arrived[port]:
			kernel = "group"
		}
		if kernel != test.want {
			t.Errorf("%+v: for the kernel %q", test, kernel)
		}
		if etherNamed[port] != test.want || anyNamed[port] != test.want || !test.named && anyAlone[port] != test.want {
			t.Errorf("%+v: in a recording of eth0 %q, of all %q, without the host's addresses %q",
				test, etherNamed[port], anyNamed[port], anyAlone[port])
		}
	}
}

// sendAddressed sends the datagrams from the peer's device, as they are.
func (n network) sendAddressed(t *testing.T) {
	t.Helper()
	var to net.HardwareAddr
	read := func() error {
		link, err := net.InterfaceByName("eth0")
		if err == nil {
			to = link.HardwareAddr
		}
		return err
	}
	if err := n.Host.Do(read); err != nil {
		t.Fatal(err)
	}
	if err := n.Peer.Do(func() error { return sendFrames(to) }); err != nil {
		t.Fatal(err)
	}
}

func sendFrames(to net.HardwareAddr) error {
	link, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i, test := range addressed {
		src, dst := netip.MustParseAddr(test.src), netip.MustParseAddr(test.dst)
		datagram := udpDatagram(40000, uint16(firstAddressed+i))
		var ip []byte
		if dst.Is4() {
			ip = ip4(src, dst, udp, datagram)
			be.PutUint16(ip[10:], headerChecksum(ip[:20]))
		} else {
			ip = ip6(netip.AddrFrom16(src.As16()), dst, udp, datagram)
		}
		mac := []byte(to)
		if test.broadcast {
			mac = broadcastMAC
		}
		if err := unix.Sendto(fd, cat(mac, peerMAC, etherType(ip), ip), 0, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
			return err
		}
	}
	return nil
}

// headerChecksum is that of an IPv4 header whose own is 0.
func headerChecksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(be.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// ports are those in a set of the table watch.
func (n network) ports(t *testing.T, set string) map[uint16]bool {
	t.Helper()
	var listing struct {
		NFTables []struct {
			Set *struct {
				Elem []uint16 `json:"elem"`
			} `json:"set"`
		} `json:"nftables"`
	}
	out := n.Host.Run(t, "nft", "-j", "list", "set", "inet", "watch", set)
	if err := json.Unmarshal([]byte(out), &listing); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ports := map[uint16]bool{}
	for _, object := range listing.NFTables {
		if object.Set != nil {
			for _, port := range object.Set.Elem {
				ports[port] = true
			}
		}
	}
	return ports
}

// becameOf tells for each port what became of its datagram in a recording.
func becameOf(t *testing.T, file string, o capture.Options) map[uint16]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, data, o)
	found := map[uint16]string{}
	for p := (sim.Packet{}); ; {
		kind, err := s.Next(&p)
		switch {
		case err == io.EOF:
			return found
		case err != nil:
			t.Fatal(err)
		case kind == capture.ToHost && p.Broadcast:
			found[p.DstPort] = "group"
		case kind == capture.ToHost:
			found[p.DstPort] = "host"
		}
	}
}
