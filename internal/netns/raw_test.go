//go:build linux

package netns

import (
	"strings"
	"testing"
)

// TestWrite gives the host a packet as it is, and reads its answer as it is.
func TestWrite(t *testing.T) {
	h := New(t, "eth0", "eth1")
	for name, src := range sources {
		p := Packet{Src: src, Proto: TCP, SrcPort: 40000, DstPort: 9, Dst: ownAddr(src.Is6()), Flags: SYN}
		for _, on := range []string{"eth0", "eth1"} {
			packets, err := h.Write(on, p.append(nil, 1, 0))
			if err != nil {
				t.Fatal(err)
			}
			answer := NoAnswer
			for _, b := range packets {
				if a, ok := parseIP(b); ok && a.dst == src {
					answer = p.answeredBy(a)
				}
			}
			if answer != Reset {
				t.Errorf("%s on %s: %v", name, on, answer)
			}
		}
	}
	if packets, err := h.Write("eth0", make([]byte, 40)); err == nil {
		t.Errorf("a packet of no family was written; %d came back", len(packets))
	}
	if _, err := h.Write("eth2", nil); err == nil || !strings.Contains(err.Error(), `"eth2"`) {
		t.Errorf("error = %v, want one that names eth2", err)
	}
}
