package spec

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"example.org/knockc/internal/netns"
)

// expects makes connection tracking expect a datagram to a port from each host that this
// one sends something to port 69, as a helper for TFTP does. Port 7070 leads to 6969.
const expects = `
table ip expects {
	ct expectation answer {
		protocol udp
		dport PORT
		timeout 1m
		size 1
		l3proto ip
	}
	chain output {
		type filter hook output priority 0; policy accept;
		udp dport 69 ct expectation set "answer"
	}
	chain arrives {
		type nat hook prerouting priority dstnat; policy accept;
		udp dport 7070 redirect to :6969
	}
}
`

// TestRelatedOnKernel: a datagram that is related to a connection of the host's own is let
// in to a service of a knock, and no other.
func TestRelatedOnKernel(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		port     uint16
	}{"to the service": {"", 6969}, "hook input": {"hook input\n", 6969}, "redirected": {"", 7070}} {
		t.Run(name, func(t *testing.T) {
			h, _ := edgeHost(t, c.settings+"knock tftp < 7001 7002 -> udp/6969 >", strings.ReplaceAll(expects, "PORT", fmt.Sprint(c.port)))
			answer := netns.Packet{Src: netip.MustParseAddr("192.0.2.7"), Proto: netns.UDP, DstPort: c.port}
			err := h.Do(func() error {
				asks, err := net.Dial("udp", "192.0.2.7:69")
				if err != nil {
					return err
				}
				defer asks.Close()
				_, err = asks.Write([]byte("file"))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			other := answer
			other.Src = netip.MustParseAddr("192.0.2.8")
			if send(t, h, other).Accepted {
				t.Error("another host's datagram is let in")
			}
			if !send(t, h, answer).Accepted {
				t.Error("the answer is not let in")
			}
			if send(t, h, answer).Accepted { // from another port of the same host
				t.Error("more than the answer is let in")
			}
		})
	}
}
