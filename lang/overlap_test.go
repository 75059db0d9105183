package lang

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestComparing: knocks whose steps differ are compared with few others, however many
// there are, and those with one sequence once.
func TestComparing(t *testing.T) {
	for name, knock := range map[string]string{
		"steps of their own":       "knock k%[1]d < 7 %[1]d 9 -> 22 >\n",
		"one sequence":             "knock k%d < 7 8 9 -> 22 >\n",
		"one sequence, from apart": "knock k%[1]d < 7 8 9 -> 22 from 2001:db8::%[1]x >\n",
	} {
		compared := func(n int) int {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, knock, 1000+i)
			}
			policy, found := Parse([]byte(text.String()))
			if len(found) > 0 {
				t.Fatal(found[0])
			}
			o := newOverlapping(policy)
			newChecker(policy).overlaps(o)
			return comparing - o.left
		}
		if few, many := compared(500), compared(4000); many > 9*few {
			t.Errorf("%s: %d comparisons for 500 knocks, %d for 4000", name, few, many)
		}
	}
}

// TestTooAlike: when enough was compared, a finding says at which knock that was.
func TestTooAlike(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "knock k%d < %s -> 22 >\n", i, strings.Repeat("7 8 ", 1+i))
	}
	policy, _ := Parse([]byte(text.String()))
	said := func(left int) (alike, opens int) {
		c, o := newChecker(policy), newOverlapping(policy)
		o.left = left
		c.overlaps(o)
		for _, f := range c.findings {
			if strings.Contains(f.Message, "too many sequences are alike") {
				alike++
			} else {
				opens++
			}
		}
		return alike, opens
	}
	if alike, opens := said(comparing); alike != 0 || opens != 99 {
		t.Errorf("%d findings, and %d that there is too much to compare", opens, alike)
	}
	for _, left := range []int{0, 100, 10_000, 100_000} {
		if alike, opens := said(left); alike != 1 || opens >= 99 {
			t.Errorf("with %d comparisons: %d findings, and %d that there is too much to compare", left, opens, alike)
		}
	}
}

// TestMeet: two knocks with one sequence are said to be so if one source may knock at
// both.
func TestMeet(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"from 10.0.0.0/8", "", true},
		{"from 10.0.0.0/8", "from 10.1.2.3", true},
		{"from 10.1.2.3 192.0.2.1", "from 10.0.0.0/8 10.1.0.0/24", true},
		{"from 9.0.0.0/8 11.0.0.0/8", "from 10.0.0.0/8", false},
		{"from 10.0.0.0/24 10.0.1.0/24 10.0.2.0/24", "from 10.0.3.0/24 10.0.1.128/25", true},
		{"from 10.0.0.0/8", "from ::/0", false},
		{"from ::/0 10.0.0.0/8", "from 2001:db8::/32", true},
		{"on eth0", "on eth1 eth*", true},
		{"on eth0 wg*", "on wg1 eth1", true},
		{"on eth0", "on eth1", false},
		{"from 10.0.0.0/8 on eth0", "from 10.0.0.0/8 on eth1", false},
	} {
		_, found := Examine([]byte("knock a < 1 2 -> 22 " + test.a + " >\nknock b < 1 2 -> 22 " + test.b + " >\n"))
		got := slices.ContainsFunc(found, func(f Finding) bool { return f.Code == CodeSameSequence })
		if got != test.want || HasErrors(found) {
			t.Errorf("%q and %q meet: %v, %v", test.a, test.b, got, found)
		}
	}
}
