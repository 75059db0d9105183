package lang

import (
	"strings"
	"testing"
	"time"
)

// hostile are texts that repeat one thing; reading them must take time in
// proportion to their length.
var hostile = []string{
	"knock ", "< ", "> ", "-> ", "/ ", "- ", "1 ", "1/", "1-", "a ", "a", "1", "#\n", "# x\n", "\"", "\"x\" ", ",", "\x00", "\xff", "é",
	"within 5s ", "knock a < 1 2 -> 3 >\n", "knock a <\n", "table\n", "# knockc:ignore K103 x\n",
}

// TestHostileTexts gives each text at two lengths. Time is only held to be
// nowhere near quadratic, which would make the ratio 64.
func TestHostileTexts(t *testing.T) {
	for _, begin := range []string{"", "knock a < 1 -> 2 within "} {
		for _, repeat := range hostile {
			short := timeOf(begin + strings.Repeat(repeat, 1000))
			long := timeOf(begin + strings.Repeat(repeat, 8000))
			if long > 100*time.Millisecond && long > 32*short {
				t.Errorf("%q and many %q: %v, and %v for eight times as many", begin, repeat, short, long)
			}
		}
	}
}

func timeOf(text string) time.Duration {
	best := time.Hour
	for range 2 {
		start := time.Now()
		Examine([]byte(text))
		Format([]byte(text))
		best = min(best, time.Since(start))
	}
	return best
}
