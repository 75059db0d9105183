package spec

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"knockc/internal/netns"
)

// TestReloadOnKernel loads the example again and again, over itself: the listing
// stays the same, and so does an open door.
func TestReloadOnKernel(t *testing.T) {
	policy, err := os.ReadFile("../testdata/policies/ssh.knock")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPair("ssh.knock", string(policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := netns.New(t, "eth0")
	load := func() string {
		t.Helper()
		if err := h.Load(script(t, p.result)); err != nil {
			t.Fatal(err)
		}
		listing, err := h.Nft("--stateless", "--terse", "list", "ruleset")
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(listing) // the kernel lists a map in any order
		slices.Sort(words)
		return strings.Join(words, "\n")
	}
	send := func(port uint16) bool {
		t.Helper()
		r, err := h.Send(netns.Packet{Src: netip.MustParseAddr("192.0.2.7"), Proto: netns.TCP, DstPort: port, Flags: netns.SYN})
		if err != nil {
			t.Fatal(err)
		}
		return r.Accepted
	}

	first := load()
	for _, port := range []uint16{10000, 2345, 3456} {
		send(port)
		load()
	}
	if send(22) {
		t.Error("the door is open before the last step")
	}
	send(1234)
	if again := load(); again != first {
		t.Errorf("words listed after the first load:\n%s\nand later:\n%s", first, again)
	}
	if !send(22) {
		t.Error("the door did not stay open over a reload")
	}
}
