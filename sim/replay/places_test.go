package replay

import (
	"testing"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
)

// TestPlaces: as many phases are tried as packets of one source that matter come at
// different places in a tick, up to a bound that is told.
func TestPlaces(t *testing.T) {
	const knock = "knock ssh < 1000 2000 -> 22 "
	for _, test := range []struct {
		policy, trace string
		tried, of     int
	}{
		{">", "0s 192.0.2.7 -> 1000\n", 1, 1},
		{">", "1us 192.0.2.7 -> 1000\n", 2, 2},
		{">", "1us 192.0.2.7 -> 1000\n1us 192.0.2.8 -> 1000\n4001us 192.0.2.8 -> 2000\n", 2, 2},
		{">", "1us 192.0.2.7 -> 1000\n2us 192.0.2.8 -> 1000\n3us expect ssh open for 192.0.2.9\n", 2, 2},
		{"per /24 /64 >", "1us 192.0.2.7 -> 1000\n2us 192.0.2.8 -> 1000\n3us expect ssh open for 192.0.2.9\n", 4, 4},
		{">", "1us 192.0.2.7 -> 1-60000 every 1001us\n", 3, 3}, // the others go to ports that are nothing
		{">", "1us 192.0.2.7:1 -> 1-3000 every 1001us\n", 3000, 3000},
		{"reset any >", "1us 192.0.2.7 -> 1-3000 every 1001us\n", 3000, 3000},
		{"reset any >", "1us 192.0.2.7 -> 1-3999 every 1001us\n+0s 192.0.2.7 -> 5000-5999 every 300ns\n", 4096, 4899}, // 101 are at the same places
	} {
		policy, found := lang.Parse([]byte(knock + test.policy))
		if lang.HasErrors(found) {
			t.Fatal(found)
		}
		result, found := compiler.Compile(policy)
		if lang.HasErrors(found) {
			t.Fatal(found)
		}
		tr, found := trace.Parse([]byte(test.trace))
		if lang.HasErrors(found) {
			t.Fatal(found)
		}
		c := placesApart(result.Policy, 250, tr.Events, sim.Never).choose()
		if c.tried.tried != test.tried || c.tried.of != test.of {
			t.Errorf("%s%s, %q: %d of %d phases, want %d of %d", knock, test.policy, test.trace, c.tried.tried, c.tried.of, test.tried, test.of)
		}
	}
}
