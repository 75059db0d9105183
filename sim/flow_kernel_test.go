//go:build linux

package sim_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/internal/netns"
	"example.org/knockc/lang"
)

// flowClasses are what a packet's flow can be: a state, or how long it lasts.
var flowClasses = map[string]string{
	"new": "ct state new", "established": "ct state established", "invalid": "ct state invalid",
	"30s": "ct expiration 29s-30s", "1m0s": "ct expiration 59s-60s", "2m0s": "ct expiration 119s-120s",
	"5m0s": "ct expiration 299s-300s", "120h0m0s": "ct expiration 431999s-432000s",
}

// watchFlows is a table with a set for each class, of packets by their ports and number.
// The stacks of both sides keep out of it.
func watchFlows() string {
	var sets, rules strings.Builder
	for class, condition := range flowClasses {
		fmt.Fprintf(&sets, "set tcp_%s {\ntypeof tcp sport . tcp dport . tcp window\nsize 65535\nflags dynamic\n}\n", class)
		fmt.Fprintf(&rules, "%s update @tcp_%s { tcp sport . tcp dport . tcp window }\n", condition, class)
		fmt.Fprintf(&sets, "set udp_%s {\ntypeof udp sport . udp dport . udp length\nsize 65535\nflags dynamic\n}\n", class)
		fmt.Fprintf(&rules, "%s update @udp_%s { udp sport . udp dport . udp length }\n", condition, class)
	}
	return fmt.Sprintf(`
table inet watch {
	%s
	chain quiet {
		type filter hook output priority -300
		tcp flags rst drop
		icmp type destination-unreachable drop
	}
	chain input {
		type filter hook input priority 0
		%s
	}
	chain output {
		type filter hook output priority 0
		%s
	}
}
`, &sets, &rules, &rules)
}

// TestConversationsOnKernel holds connection tracking of the kernel to what
// TestConversations holds the simulator to.
func TestConversationsOnKernel(t *testing.T) {
	n := netns.NewPair(t)
	for _, ns := range []netns.Namespace{n.Host, n.Peer} {
		ns.RunWith(t, watchFlows(), "nft", "-f", "-")
	}
	err := n.Host.Do(func() error {
		for name, value := range map[string]string{"checksum": "0", "tcp_be_liberal": "1"} {
			if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_"+name, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range flowTests {
		var ends [2]uint32 // of what the peer and the host have sent
		for number, s := range test.steps {
			time.Sleep(s.after)
			sendStep(t, n, test.proto, uint16(50000+i), number+1, s, &ends)
		}
	}
	time.Sleep(50 * time.Millisecond)
	seen := seenFlows(t, n)
	for i, test := range flowTests {
		for number, s := range test.steps {
			classes := seen[flowPlace{test.proto, uint16(50000 + i), number + 1}]
			lasts := s.lasts != 0 && s.state != "new" && number > 0 // nft does not see how long a new flow lasts
			if !s.byHost && !classes[s.state] || lasts && !classes[s.lasts.String()] {
				t.Errorf("%s, packet %d: %v, want %s %v", test.name, number+1, classes, s.state, s.lasts)
			}
		}
	}
}

// flowPlace is a packet by the peer's port and its number in the flow.
type flowPlace struct {
	proto  lang.Proto
	port   uint16
	number int
}

const flowHostPort = 9999

// sendStep sends a packet from one side to the other past its stack. Its number is the
// window of a segment and the length of a datagram's data. Segments follow upon each other
// and acknowledge all that the other side has sent.
func sendStep(t *testing.T, n *netns.Pair, proto lang.Proto, port uint16, number int, s flowStep, ends *[2]uint32) {
	t.Helper()
	from, src, dst := n.Peer, netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")
	sport, dport := port, uint16(flowHostPort)
	if s.byHost {
		from, src, dst, sport, dport = n.Host, dst, src, dport, sport
	}
	self, other := 0, 1
	if s.byHost {
		self, other = 1, 0
	}
	ports := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, sport), dport)
	transport, payload := byte(17), append(binary.BigEndian.AppendUint16(ports, uint16(8+number)), make([]byte, 2+number)...)
	if proto == lang.TCP {
		transport, payload = 6, binary.BigEndian.AppendUint32(ports, ends[self])
		payload = append(binary.BigEndian.AppendUint32(payload, ends[other]), 5<<4, byte(s.flags), 0, byte(number), 0, 0, 0, 0)
		if s.flags&(lang.SYN|lang.FIN) != 0 {
			ends[self]++
		}
	}
	ip := binary.BigEndian.AppendUint16([]byte{4<<4 | 5, 0}, uint16(20+len(payload)))
	ip = append(ip, 0, 0, 0, 0, 64, transport, 0, 0)
	ip = append(append(append(ip, src.AsSlice()...), dst.AsSlice()...), payload...)
	err := from.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, ip, 0, &unix.SockaddrInet4{Addr: dst.As4()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// seenFlows tells the classes of each packet that the host has seen.
func seenFlows(t *testing.T, n *netns.Pair) map[flowPlace]map[string]bool {
	t.Helper()
	var listing struct {
		NFTables []struct {
			Set *struct {
				Name string `json:"name"`
				Elem []struct {
					Concat [3]int `json:"concat"`
				} `json:"elem"`
			} `json:"set"`
		} `json:"nftables"`
	}
	out := n.Host.Run(t, "nft", "-j", "list", "table", "inet", "watch")
	if err := json.Unmarshal([]byte(out), &listing); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := map[flowPlace]map[string]bool{}
	for _, object := range listing.NFTables {
		if object.Set == nil {
			continue
		}
		name, class, _ := strings.Cut(object.Set.Name, "_")
		for _, e := range object.Set.Elem {
			p := flowPlace{lang.TCP, uint16(e.Concat[0] + e.Concat[1] - flowHostPort), e.Concat[2]}
			if name == "udp" {
				p.proto, p.number = lang.UDP, p.number-8
			}
			if seen[p] == nil {
				seen[p] = map[string]bool{}
			}
			seen[p][class] = true
		}
	}
	return seen
}
