package knock_test

import (
	"testing"
	"time"

	"example.org/knockc/knock"
	"example.org/knockc/lang"
)

func sequence(t *testing.T, text string) knock.Sequence {
	t.Helper()
	steps, found := lang.ParseSteps([]byte(text))
	if lang.HasErrors(found) {
		t.Fatal(found)
	}
	return knock.Sequence{Steps: steps}
}

// TestDelays shows the longest delay, the usual one and those of two more tries.
func TestDelays(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		steps                        string
		within, total                time.Duration
		longest, usual, second, last time.Duration
	}{
		{"1 2 3", 5 * time.Second, 0, 4999 * ms, 200 * ms, 400 * ms, 800 * ms},
		{"1 2 3", time.Second, 0, 999 * ms, 200 * ms, 400 * ms, 499 * ms},
		{"1 2 3", 5 * time.Second, time.Second, 499 * ms, 200 * ms, 249 * ms, 249 * ms},
		{"1 2 3 4", 0, time.Second, 333 * ms, 166 * ms, 166 * ms, 166 * ms},
		{"1 2", ms, 0, 0, 0, 0, 0},
		{"1", ms, ms, lang.MaxDuration, 200 * ms, 400 * ms, 800 * ms},
		{"1 2", 0, 0, lang.MaxDuration, 200 * ms, 400 * ms, 800 * ms},
	} {
		s := sequence(t, test.steps)
		s.Within, s.Total = test.within, test.total
		usual := s.Delay()
		second := s.Slower(usual)
		got := [...]time.Duration{s.LongestDelay(), usual, second, s.Slower(second)}
		if want := [...]time.Duration{test.longest, test.usual, test.second, test.last}; got != want {
			t.Errorf("%s within %v total %v: %v, want %v", test.steps, test.within, test.total, got, want)
		}
	}
	if s := (knock.Sequence{Steps: sequence(t, "1 2").Steps, Within: time.Second}); s.Slower(900*ms) != 900*ms {
		t.Errorf("a delay that was asked for gets shorter: %v", s.Slower(900*ms))
	}
}

// TestCheckHost lets nothing pass that a shell or ssh would read as more than a host.
func TestCheckHost(t *testing.T) {
	for _, good := range []string{"192.0.2.1", "2001:db8::1", "fe80::1%eth0", "host.example", "my_host-2", "::ffff:192.0.2.1"} {
		if err := knock.CheckHost(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "-x", "a b", "a;b", "a'b", `a"b`, "$h", "`id`", "a|b", "a&b", "a>b", "a\nb", "a\x00b", "*", "a%h",
		"user@host", "host:22", "[::1]", "::1%a b", "::1%$(id)", "::1%'", "192.0.2.1/24", "höst",
	} {
		if knock.CheckHost(bad) == nil {
			t.Errorf("%q passes as a host", bad)
		}
	}
}
