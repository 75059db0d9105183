//go:build linux

package capture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

const doorPolicy = `
open 80
knock ssh < 7000 udp/8000 9000 -> 22 within 2s grant 2s reset known >
`

// watch counts what arrives before our rules have seen it, and what is still there
// after them, by five-tuple: packets to the host, and those that go on to one behind it.
const watch = `
table inet watch {
	set arrived4 { type ipv4_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
	set arrived6 { type ipv6_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
	set accepted4 { type ipv4_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
	set accepted6 { type ipv6_addr . inet_proto . inet_service . inet_service; size 65535; flags dynamic; }
	chain before {
		type filter hook prerouting priority -150
		iifname eth0 meta l4proto { tcp, udp } update @arrived4 { ip saddr . meta l4proto . th sport . th dport counter }
		iifname eth0 meta l4proto { tcp, udp } update @arrived6 { ip6 saddr . meta l4proto . th sport . th dport counter }
	}
	chain after {
		iifname eth0 meta l4proto { tcp, udp } update @accepted4 { ip saddr . meta l4proto . th sport . th dport counter }
		iifname eth0 meta l4proto { tcp, udp } update @accepted6 { ip6 saddr . meta l4proto . th sport . th dport counter }
	}
	chain input {
		type filter hook input priority 100
		jump after
	}
	chain forward {
		type filter hook forward priority 100
		jump after
	}
}
`

// tally counts packets by five-tuple, the host's address left out.
type tally map[string]int

func (t tally) sum() (n int) {
	for _, count := range t {
		n += count
	}
	return n
}

func tuple(src netip.Addr, proto string, sport, dport uint16) string {
	return fmt.Sprintf("%s %s %d -> %d", src, proto, sport, dport)
}

// TestCaptureOnKernel scans a host with nmap and opens its door with knock, under
// the eyes of tcpdump, and holds the replay of what that recorded to what the kernel
// let in.
func TestCaptureOnKernel(t *testing.T) {
	n := newNetwork(t, "nmap", "knock")
	result := compile(t, doorPolicy)
	var script bytes.Buffer
	if err := result.Ruleset.WriteNFT(&script, nil); err != nil {
		t.Fatal(err)
	}
	n.Host.RunWith(t, watch+script.String(), "nft", "-f", "-")
	n.Host.Serve(t, "22")
	n.Host.Serve(t, "80")
	ether, anyDevice := filepath.Join(t.TempDir(), "eth0.pcap"), filepath.Join(t.TempDir(), "any.pcap")
	stopEther, stopAny := record(t, n.Host, "eth0", ether), record(t, n.Host, "any", anyDevice)

	visit(t, n)
	n.sendFragments(t)

	stopEther()
	stopAny()
	arrived, accepted := n.counted(t, "arrived"), n.counted(t, "accepted")
	for _, r := range []struct {
		file string
		o    capture.Options
	}{
		{ether, capture.Options{Hosts: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}}},
		{anyDevice, capture.Options{}},
	} {
		simArrived, simAccepted, stats := replayFile(t, result, r.file, r.o)
		bad := compareTallies(t, "arrived", arrived, simArrived) + compareTallies(t, "accepted", accepted, simAccepted)
		t.Logf("%s: %s", filepath.Base(r.file), stats)
		t.Logf("%d flows, %d packets arrived, %d accepted by the kernel and %d by the simulator, %d disagreements",
			len(arrived), arrived.sum(), accepted.sum(), simAccepted.sum(), bad)
	}
}

// visit is what the peer does: it scans, then knocks and enters, over IPv4 and IPv6,
// and answers when the host connects.
func visit(t *testing.T, n network) {
	t.Helper()
	n.Peer.Serve(t, "6000")
	for _, v := range []struct{ family, host, peer string }{{"-4", "192.0.2.1", "192.0.2.2"}, {"-6", "2001:db8::1", "2001:db8::2"}} {
		door := net.JoinHostPort(v.host, "22")
		n.closed(t, door)
		scan := []string{"nmap", "-sS", "-Pn", "-n", "-oG", "-", "-p", "1-500,7000,9000", "--max-retries", "1", "--min-rate", "1000", "--max-rate", "2000"}
		if v.family == "-6" {
			scan = append(scan, v.family)
		}
		if said := n.Peer.Run(t, append(scan, v.host)...); !strings.Contains(said, "80/open/tcp") || strings.Contains(said, "22/open/tcp") {
			t.Errorf("nmap wanted port 80 open and port 22 not:\n%s", said)
		}
		n.closed(t, door)
		c := n.enters(t, door, func() { n.Peer.Run(t, "knock", v.family, "-d", "100", v.host, "7000", "8000:udp", "9000") })
		talk(t, c)
		time.Sleep(2500 * time.Millisecond)
		n.closed(t, door)
		talk(t, c) // what is established stays
		c.Close()
		own := n.Host.Connect(t, net.JoinHostPort(v.peer, "6000"))
		talk(t, own)
		own.Close()
	}
}

// enters knocks until the door opens: a busy machine may be late.
func (n network) enters(t *testing.T, door string, knocks func()) net.Conn {
	t.Helper()
	for range 10 {
		knocks()
		if c, err := n.Peer.Dial(t, door); err == nil {
			return c
		}
	}
	t.Fatalf("knocked at %s, and the door does not open", door)
	return nil
}

func (n network) closed(t *testing.T, door string) {
	t.Helper()
	if _, err := n.Peer.Dial(t, door); err == nil {
		t.Errorf("%s answers, wanted a closed door", door)
	}
}

func talk(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 5)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Fatalf("the echo is %q, %v", b, err)
	}
}

// counted reads a pair of sets of the table watch.
func (n network) counted(t *testing.T, set string) tally {
	t.Helper()
	counts := tally{}
	for _, family := range []string{"4", "6"} {
		var listing struct {
			NFTables []struct {
				Set *struct {
					Elem []struct {
						Elem struct {
							Val struct {
								Concat []any `json:"concat"`
							} `json:"val"`
							Counter struct {
								Packets int `json:"packets"`
							} `json:"counter"`
						} `json:"elem"`
					} `json:"elem"`
				} `json:"set"`
			} `json:"nftables"`
		}
		out := n.Host.Run(t, "nft", "-j", "list", "set", "inet", "watch", set+family)
		if err := json.Unmarshal([]byte(out), &listing); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, object := range listing.NFTables {
			if object.Set == nil {
				continue
			}
			for _, e := range object.Set.Elem {
				k := e.Elem.Val.Concat
				key := tuple(netip.MustParseAddr(k[0].(string)), fmt.Sprint(k[1]), uint16(k[2].(float64)), uint16(k[3].(float64)))
				counts[key] += e.Elem.Counter.Packets
			}
		}
	}
	return counts
}

func replayFile(t *testing.T, r *compiler.Result, file string, o capture.Options) (arrived, accepted tally, stats capture.Stats) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := capture.OpenFile(f, o)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := sim.New(r.Ruleset)
	if err != nil {
		t.Fatal(err)
	}
	arrived, accepted = tally{}, tally{}
	var p sim.Packet
	for {
		kind, err := s.Next(&p)
		switch {
		case err == io.EOF:
			return arrived, accepted, s.Stats()
		case err != nil:
			t.Fatal(err)
		case kind == capture.FromHost:
			machine.Answer(&p)
		case kind == capture.ToHost:
			verdict, _ := machine.Packet(&p)
			key := tuple(p.Src, p.Proto.String(), p.SrcPort, p.DstPort)
			arrived[key]++
			if verdict == compiler.Accept || verdict == compiler.Passed {
				accepted[key]++
			}
		}
	}
}

func compareTallies(t *testing.T, what string, kernel, simulated tally) (bad int) {
	t.Helper()
	keys := maps.Clone(kernel)
	maps.Copy(keys, simulated)
	for key := range keys {
		if kernel[key] == simulated[key] {
			continue
		}
		if bad++; bad <= 10 {
			t.Errorf("%s: %s: %d by the kernel, %d by the simulator", what, key, kernel[key], simulated[key])
		}
	}
	return bad
}

func compile(t testing.TB, text string) *compiler.Result {
	t.Helper()
	policy, found := lang.Parse([]byte(text))
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	result, found := compiler.Compile(policy)
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	return result
}

// lockedBuffer is written to and read at once.
type lockedBuffer struct {
	sync.Mutex
	b bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.Lock()
	defer l.Unlock()
	return l.b.String()
}
