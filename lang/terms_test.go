package lang

import (
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration // -1: an error
	}{
		{"5s", 5 * time.Second},
		{"1m30s", 90 * time.Second},
		{"1.5s", 1500 * time.Millisecond},
		{"0.001s", time.Millisecond},
		{"1d2h3m4s5ms", 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond},
		{"0ms", 0},
		{"106751d", 106751 * 24 * time.Hour},
		{"106752d", -1},
		{"106751d1d", -1},
		{"106751d24h", -1},
		{"213503982334602d", -1},
		{"18446744073709551616s", -1},
		{"184467440737095516150s", -1},
		{"9223372036.854775807s", -1},
		{"9223372036.855s", -1},
		{"0.00000000000000000000000001s", -1},
		{"1s1s", -1},
		{"1s1m", -1},
		{"5", -1},
		{"", -1},
		{"s", -1},
		{".5s", -1},
		{"5.s", -1},
		{"1.2.3s", -1},
		{"1us", -1},
		{"1.0005s", -1},
	} {
		got, err := ParseDuration(test.text, time.Millisecond)
		if err != nil {
			got = -1
		}
		if got != test.want {
			t.Errorf("%q is read as %v, %v; want %v", test.text, got, err, test.want)
		}
	}
	if d, err := ParseDuration("9223372036.854775807s", time.Nanosecond); err != nil || d != 1<<63-1 {
		t.Errorf("the longest duration is read as %v, %v", d, err)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "open": true, "a_b-c9": true, strings.Repeat("a", 64): true,
		"": false, "_a": false, "-a": false, "9a": false, "a-": false, "a.b": false, "ä": false, strings.Repeat("a", 65): false,
	} {
		if IsName(name) != want {
			t.Errorf("IsName(%q) is %v", name, !want)
		}
	}
}
