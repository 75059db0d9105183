package replay

import (
	"net/netip"
	"testing"
)

// TestTally: among many more sources than there is room for, the frequent ones are
// found, with counts that are too low by no more than is said.
func TestTally(t *testing.T) {
	var tally Tally
	frequent := netip.MustParseAddr("192.0.2.7")
	rare := netip.MustParseAddr("2001:db8::")
	for i := range 3 * tallied {
		tally.add(rare)
		rare = rare.Next()
		if i%1000 == 0 {
			tally.add(frequent)
		}
	}
	if n := len(tally.counts); n > tallied {
		t.Errorf("%d sources are kept", n)
	}
	first := tally.First(1)[0]
	count := (3*tallied + 999) / 1000
	if first.Source != frequent || first.N > count || first.N+tally.Short < count {
		t.Errorf("first is %v, short by %d at most; want %v with %d", first, tally.Short, frequent, count)
	}
	if tally.Short == 0 {
		t.Error("it says to be exact")
	}
}
