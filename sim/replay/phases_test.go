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

// TestPhasesOfCollections: sets that are collected at different intervals may have room at
// once only between the packets of a trace.
func TestPhasesOfCollections(t *testing.T) {
	result, events := compileBoth(t, []byte(`
		size 1
		knock a < 1000 2000 -> 22 within 1s reset known >
		knock b < 3000 4000 -> 23 within 20ms >
		knock c < 5000 -> 24 grant 110ms >`), []byte(`
		0s     192.0.2.1 -> 5000   # its grant ends at 0.11s
		0.05s  192.0.2.2 -> 3000   # its step ends at 0.07s
		0.08s  192.0.2.3 -> 1000   # has room if steps are collected in between
		0.6s   192.0.2.3 -> 2000   # has room if grants are collected after 0.11s
		0.6s   expect a open for 192.0.2.3
	`))
	p, err := replay.NewPhases(result, 1000, events)
	if err != nil {
		t.Fatal(err)
	}
	all := outcomes(p, events)
	if got := all[len(all)-1].Got; got != replay.Depends {
		t.Errorf("the door is %s, want %s", got, replay.Depends)
	}
}
