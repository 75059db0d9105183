package lang

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile are texts that repeat one thing; reading them must take time in
// proportion to their length.
var hostile = []string{
	"knock ", "< ", "> ", "> 1 ", "-> ", "/ ", "- ", "1 ", "1/", "1-", "a ", "a", "1", "#\n", "# x\n", "\"", "\"x\" ", ",", "\x00", "\xff", "é",
	"within 5s ", "knock a < 1 2 -> 3 >\n", "knock a <\n", "table\n", "open 1 from ::/0 on e1\n", "from ", "at 1.2.3.4 ", "# knockc:ignore K103 x\n",
}

// TestHostileTexts gives each text at two lengths. Time is only held to be
// nowhere near quadratic, which would make the ratio 64.
func TestHostileTexts(t *testing.T) {
	for _, begin := range []string{"", "knock a < 1 ", "knock a < 1 -> 2 within "} {
		for _, repeat := range hostile {
			text := func(n int) string { return begin + strings.Repeat(repeat, n) }
			if short, long, ok := inProportion(text(1000), text(8000)); !ok {
				t.Errorf("%q and many %q: %v, and %v for eight times as many", begin, repeat, short, long)
			}
		}
	}
}

// TestHostilePolicies does the same with policies that are in order but give the
// checker much to compare.
func TestHostilePolicies(t *testing.T) {
	for name, policy := range map[string]func(n int) string{
		"long sequences of few ports": func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "knock k%d <", i)
				for j := range 100 {
					fmt.Fprintf(&b, " %d", 1+(i*j*j+j)%5)
				}
				b.WriteString(" -> 22 >\n")
			}
			return b.String()
		},
		"many open services": func(n int) string {
			var b strings.Builder
			for i := range 4 * n {
				fmt.Fprintf(&b, "%s%d", [...]string{"open ", " "}[min(i, 1)], 1000+2*i)
			}
			for i := range n {
				fmt.Fprintf(&b, "\nknock u%d < 5 7 1 -> %d reset known >", i, 30000+i)
			}
			return b.String()
		},
		"one first and last step": func(n int) string {
			var b strings.Builder
			for i := range 4 * n {
				fmt.Fprintf(&b, "knock k%d < 7 %d 9 -> 22 close 11 %d 12 >\n", i, 1000+i, 1000+i)
			}
			return b.String()
		},
	} {
		if short, long, ok := inProportion(policy(40), policy(320)); !ok {
			t.Errorf("%s: %v, and %v for eight times as many", name, short, long)
		}
	}
}

// inProportion reports whether a text eight times as long takes nowhere near 64
// times as long, in one of several tries, so that a busy machine does not decide.
func inProportion(shortText, longText string) (short, long time.Duration, ok bool) {
	for range 5 {
		short, long = timeOf(shortText), timeOf(longText)
		if long < 100*time.Millisecond || long < 32*short {
			return short, long, true
		}
	}
	return short, long, false
}

func timeOf(text string) time.Duration {
	start := time.Now()
	Examine([]byte(text))
	Format([]byte(text))
	return time.Since(start)
}
