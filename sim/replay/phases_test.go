package replay_test

import (
	"fmt"
	"testing"

	"knockc/compiler"
	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// TestPhases: around a deadline a verdict depends on the tick, further away it does
// not, and where the packets themselves fix the phase it does not either.
func TestPhases(t *testing.T) {
	policy, _ := lang.Parse([]byte("knock ssh < 1000 2000 -> 22 within 103ms grant 1s >"))
	result, found := compiler.Compile(policy)
	if found != nil {
		t.Fatal(found)
	}
	for _, test := range []struct {
		hz        int
		gap, want string
	}{
		{250, "95ms", "open"},
		{250, "96ms", "open"}, // at most 24 ticks
		{250, "96.001ms", replay.Depends},
		{250, "97ms", replay.Depends},
		{250, "99.999ms", replay.Depends},
		{250, "100ms", "closed"}, // 25 ticks have passed, whatever the phase
		{250, "103ms", "closed"},
		{1000, "102ms", "open"},
		{1000, "102.5ms", replay.Depends},
		{1000, "103ms", "closed"},
		{100, "90ms", "open"},
		{100, "99ms", replay.Depends},
		{100, "100ms", "closed"},
	} {
		text := fmt.Sprintf("0s 192.0.2.7 -> 1000\n+%s 192.0.2.7 -> 2000\n+0s expect ssh open for 192.0.2.7\n", test.gap)
		tr, found := trace.Parse([]byte(text))
		if found != nil {
			t.Fatal(found)
		}
		p, err := replay.NewPhases(result, test.hz, tr.Events)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range tr.Events {
			p.Event(&tr.Events[i], func(o replay.Outcome) { got = o.Got })
		}
		if got != test.want {
			t.Errorf("%d ticks a second, step 2 after %s: %s, want %s", test.hz, test.gap, got, test.want)
		}
	}
}
