package explore_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/knockc/explore"
)

// many is a policy with so many knocks at one port; one of them has other steps and clauses.
func many(knocks int, settings, steps, clauses string) string {
	var b strings.Builder
	b.WriteString(settings + "\n")
	for i := range knocks {
		of, more := fmt.Sprintf("%d %d", 1001+i, 2001+7*i%61), ""
		if i == knocks/2 {
			of, more = steps, clauses
		}
		fmt.Fprintf(&b, "knock k%d < %s -> 22 %s >\n", i, of, more)
	}
	return b.String()
}

// TestCompareMany finds what changes among many knocks.
func TestCompareMany(t *testing.T) {
	var ports strings.Builder
	for port := range 250 {
		fmt.Fprint(&ports, " ", 30000+2*port)
	}
	for name, c := range map[string]struct {
		knock    string
		old, now string
		packets  int // that show it
		last     string
	}{
		"open":   {"", many(60, "open 80", "7001 9002", ""), many(60, "open 80 444", "7001 9002", ""), 1, "444"},
		"opens":  {"", many(60, "open 80"+ports.String(), "7001 9002", ""), many(60, "open 80"+ports.String()+" 444", "7001 9002", ""), 1, "444"},
		"drop":   {"", many(60, "open 80", "7001 9002", ""), many(60, "default drop open 80", "7001 9002", ""), 1, ""},
		"step":   {"k60", many(120, "", "7001 9002", ""), many(120, "", "999 7001 9002", ""), 3, "22"},
		"grant":  {"k5", many(10, "", "7001 9002", ""), many(10, "", "7001 9002", "grant 1h"), 3, "22"},
		"within": {"k5", many(10, "", "7001 9002", ""), many(10, "", "7001 9002", "within 1s"), 3, "22"},
		"reset":  {"k5", many(10, "", "7001 9002", ""), many(10, "", "7001 9002", "reset known"), 4, "22"},
		"per":    {"k5", many(10, "", "7001 9002", ""), many(10, "", "7001 9002", "per /32 /64"), 3, "22"},
		"no per": {"k5", many(10, "", "7001 9002", "per /16 /64"), many(10, "", "7001 9002", "per /24 /64"), 3, "22"},
	} {
		found, err := explore.Compare(t.Context(), compile(t, c.old), compile(t, c.now), c.knock, 20_000)
		if err != nil {
			t.Fatal(err)
		}
		if found.Differs == nil {
			t.Errorf("%s: not found in %d packets", name, found.Packets)
			continue
		}
		way := found.Differs.Way
		if last := way[len(way)-1].Packet.Destination(); len(way) != c.packets || c.last != "" && last != c.last {
			t.Errorf("%s: shown by %d packets, the last to %s", name, len(way), last)
		}
	}
}

// TestCompareLeavesOut tells what it has not tried.
func TestCompareLeavesOut(t *testing.T) {
	const limit = 3000
	for knocks, kinds := range map[int]bool{1: false, 10: false, 90: true} {
		r := compile(t, many(knocks, "", "7001 9002", ""))
		c, err := explore.Compare(t.Context(), r, r, "", limit)
		if err != nil || c.Differs != nil {
			t.Fatal(c, err)
		}
		if stopped := knocks > 1; c.Stopped > limit || (c.Stopped == limit) != stopped || (c.Kinds > explore.MostKinds) != kinds || c.Packets < c.Stopped {
			t.Errorf("%d knocks: %+v", knocks, c)
		}
	}
}
