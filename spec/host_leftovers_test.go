package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/knockc/internal/netns"
)

// leftovers are policies whose grants, long or forever, end early, and the
// ports that end them; a visit does if there are none.
var leftovers = map[string]struct {
	policy  string
	sources uint32
	ends    []uint16
}{
	// Closing steps end by `within` alone.
	"close": {"knock web < 1000 2346 3457 -> 443 within 100ms grant forever close 9001 9002 >", 200, []uint16{9001, 9002}},
	"once by one, close by another": {
		"knock web < 1000 2346 3457 -> 443 within 100ms grant forever once >\nknock all < 1000 2346 3457 -> 440-450 within 100ms grant forever close 9001 9002 >",
		200, []uint16{9001, 9002},
	},
	"many knocks for one port": {manyForOne(12), 60, []uint16{9001}},
	"hook input, close":        {"hook input\nknock web < 1000 2346 3457 -> 443 within 100ms grant forever close 9001 9002 >", 200, []uint16{9001, 9002}},

	"close by a single step":   {"knock web < 1000 2346 3457 -> 443 grant forever close 9001 >", 1000, []uint16{9001}},
	"once":                     {"knock web < 1000 2346 3457 -> 443 grant forever once >", 1000, nil},
	"once, of a whole network": {"knock web < 1000 2346 3457 -> 443 grant forever once per /24 /64 >", 300, nil},

	// Here a set remembers whoever knocked for a second, so it takes long to fill often.
	"revoke by any wrong attempt":    {"knock web < 1000 2346 3457 -> 443 grant forever within 100ms reset any revoke >", 24, []uint16{3000}},
	"revoke by another knock's step": {"knock web < 1000 2346 3457 -> 443 grant forever within 100ms reset known revoke >\nknock a < 3000 3001 -> 444 within 100ms >", 24, []uint16{3000}},
}

// manyForOne are many knocks for the same port, so that its chain asks a guard first.
func manyForOne(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf("knock web%d < 1000 2346 %d -> 443 within 100ms grant forever close 9001 >\n", i, 3457+i)
	}
	return text
}

// collected has the kernel free the places of ended elements as soon as it can.
func collected(script string) string {
	return regexp.MustCompile(`flags dynamic,timeout(\n\s*gc-interval \w+)?`).ReplaceAllString(script, "flags dynamic,timeout\n\t\tgc-interval 4ms")
}

// TestNothingLeftBehindOnKernel: grants that end before their time leave nothing in any
// set, so every source can knock, whoever was there before.
func TestNothingLeftBehindOnKernel(t *testing.T) {
	for name, l := range leftovers {
		for _, grant := range []string{"forever", "1h"} {
			t.Run(name+", "+grant, func(t *testing.T) {
				t.Parallel()
				p, err := newPair("policy", "size 8\n"+strings.ReplaceAll(l.policy, "forever", grant), nil)
				if err != nil {
					t.Fatal(err)
				}
				h := netns.New(t, "eth0")
				if err := h.Load(collected(script(t, p.result))); err != nil {
					t.Fatal(err)
				}
				for n := range l.sources {
					v := visitor{t, h, farSource(n, n%4 == 3)}
					v.until(true, 443, 1000, 2346, 3457)
					v.until(false, 443, l.ends...)
				}
				awaitEmptySets(t, h)
			})
		}
	}
}

// farSource is a source in a network of its own, in one of the families.
func farSource(n uint32, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 15: 1})
	}
	return netip.AddrFrom4([4]byte{20, byte(n >> 8), byte(n), 1})
}

// until knocks until the service is open, or shut. It need not be at once: the places of
// what has ended may not be free yet. Each pause is longer than the one before, as whoever
// goes on knocking keeps what he has in the sets.
func (v visitor) until(open bool, service uint16, ports ...uint16) {
	v.t.Helper()
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		for _, port := range ports {
			v.accepted(port)
		}
		if v.accepted(service) == open {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("%v knocks and knocks: open is %v", v.src, !open)
		}
		time.Sleep(pause)
	}
}

// awaitEmptySets waits until nothing is in any set.
func awaitEmptySets(t *testing.T, h *netns.Host) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		full := fullSets(t, h)
		if len(full) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("elements are left behind:\n%s", strings.Join(full, "\n"))
		}
	}
}

// fullSets are the sets that have elements, as they are listed.
func fullSets(t *testing.T, h *netns.Host) (full []string) {
	t.Helper()
	text, err := h.Nft("list", "sets")
	if err != nil {
		t.Fatal(err)
	}
	for set := range strings.SplitSeq(text, "\tset ") {
		if strings.Contains(set, "elements = {") {
			full = append(full, set)
		}
	}
	return full
}
