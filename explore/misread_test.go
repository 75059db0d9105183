package explore_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMisread has rules that were compiled from something else than the policy says, as if
// the compiler had misread it. Prove finds each.
func TestMisread(t *testing.T) {
	misreadings := 0
	for policy, misread := range map[string][]string{
		"knock a < 7001 9002 -> 22-30 >": {
			"knock a < 7001 9002 -> 22 24-30 >", "knock a < 7001 9002 -> 22-31 >", "knock a < 7001 9002 -> 21-30 >",
			"knock a < 7001 9002 -> 22-29 >", "knock a < 9002 7001 -> 22-30 >", "knock a < 7001 9003 -> 22-30 >",
			"knock a < 7001 udp/9002 -> 22-30 >", "knock a < 7001 9002 -> 22-30 once >", "knock a < 7001 9002 -> 22-30 reset any >",
			"knock a < 7001 9002 -> 22-30 grant 11s >", "knock a < 7001 9002 -> 22-30 within 4s >", "refuse reject knock a < 7001 9002 -> 22-30 >",
		},
		"knock a < 7001 -> 22 from 10.0.0.0/8 198.51.100.0/24 on eth0 wg0 >": {
			"knock a < 7001 -> 22 from 10.0.0.0/9 198.51.100.0/24 on eth0 wg0 >", "knock a < 7001 -> 22 from 10.0.0.0/7 198.51.100.0/24 on eth0 wg0 >",
			"knock a < 7001 -> 22 from 10.0.0.0/8 on eth0 wg0 >", "knock a < 7001 -> 22 from 10.0.0.0/8 198.51.100.0/24 on eth0 >",
		},
		"knock a < 7001 9002 -> 22 at 10.0.0.0/8 198.51.100.1 >": {
			"knock a < 7001 9002 -> 22 at 10.0.0.0/9 198.51.100.1 >", "knock a < 7001 9002 -> 22 at 10.0.0.0/8 >",
			"knock a < 7001 9002 -> 22 >",
		},
		"trust 10.0.0.0/8 198.51.100.0/24 open 80 443 from 203.0.113.0/24 knock a < 7001 9002 -> 22 reset any >": {
			"trust 10.0.0.0/8 open 80 443 from 203.0.113.0/24 knock a < 7001 9002 -> 22 reset any >",
			"trust 10.0.0.0/9 198.51.100.0/24 open 80 443 from 203.0.113.0/24 knock a < 7001 9002 -> 22 reset any >",
			"trust 10.0.0.0/8 198.51.100.0/24 open 80 from 203.0.113.0/24 knock a < 7001 9002 -> 22 reset any >",
			"trust 10.0.0.0/8 198.51.100.0/24 open 80 443 from 203.0.113.0/25 knock a < 7001 9002 -> 22 reset any >",
			"trust 10.0.0.0/8 198.51.100.0/24 open 80 443 knock a < 7001 9002 -> 22 reset any >",
		},
		"knock a < 7001 ping/64 -> 22 reset known > knock b < 7101 7102 -> 80 >": {
			"knock a < 7001 ping -> 22 reset known > knock b < 7101 7102 -> 80 >", "knock a < 7001 ping/65 -> 22 reset known > knock b < 7101 7102 -> 80 >",
			"knock a < 7001 ping/64 -> 22 reset known > knock b < 7101 -> 80 >", "knock a < 7001 ping/64 -> 22 > knock b < 7101 7102 -> 80 >",
		},
		"open 22 from 10.0.0.0/8 on lan0 knock a < 7001 9002 -> 22 >": {
			"knock a < 7001 9002 -> 22 >", "open 22 from 10.0.0.0/8 knock a < 7001 9002 -> 22 >",
			"open 22 from 10.0.0.0/9 on lan0 knock a < 7001 9002 -> 22 >", "open 22 on lan0 knock a < 7001 9002 -> 22 >",
		},
		"knock a < 1 2 3 4 5 6 7 8 9 -> 22 reset any total 9s close 8 7 once >": {
			"knock a < 1 2 3 4 5 6 7 8 9 -> 22 reset any total 9s close 8 7 once grant 1h >",
			"knock a < 1 2 3 4 5 6 7 8 9 -> 22 reset any total 8s close 8 7 once >",
			"knock a < 1 2 3 4 5 6 7 8 9 -> 22 reset any total 9s close 8 7 >",
			"knock a < 1 2 3 4 5 6 7 8 9 -> 22 reset any total 9s close 8 6 once >",
		},
		crowd(""):                           {crowd("grant 1h"), crowd("within 1s"), crowd("once")},
		"knock a < 1 2 -> 22 per /24 /64 >": {"knock a < 1 2 -> 22 >", "knock a < 1 2 -> 22 per /23 /64 >", "knock a < 1 2 -> 22 per /25 /64 >"},
		"knock a < 1 2 -> 22 >":             {"knock a < 1 2 -> 22 per /31 /127 >"},
		"default drop":                      {"default drop open 65000", "knock a < 1 -> 2 >", "default drop open 80"},
	} {
		means := compile(t, policy).Policy
		for _, text := range misread {
			misreadings++
			r := compile(t, text)
			r.Policy = means
			if !differs(t, r) {
				t.Errorf("%s\nread as\n%s\nwas not found", policy, text)
			}
		}
	}
	readmeSays(t, fmt.Sprintf("%d policies", misreadings))
}

// readmeSays holds a number in the README to what a test did.
func readmeSays(t *testing.T, what string) {
	t.Helper()
	t.Log(what)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(readme)) {
		if strings.Contains(line, "`go test -v ./explore`") && strings.Contains(line, " "+what) {
			return
		}
	}
	t.Errorf("README.md does not say %q of this test", what)
}

// crowd is a policy with ten knocks on one port, the first of which has another clause.
func crowd(clause string) string {
	text := "knock first < 1001 1003 1002 1005 -> 22 " + clause + " >\n"
	for i := range 9 {
		text += fmt.Sprintf("knock k%d < %d %[2]d9 9%[2]d 1%[2]d -> 22 >\n", i, 700+i)
	}
	return text
}
