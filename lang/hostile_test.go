package lang

import (
	"fmt"
	"strings"
	"testing"

	"example.org/knockc/internal/proportion"
)

// hostile are texts that repeat one thing; reading them must take time in
// proportion to their length.
var hostile = []string{
	"knock ", "< ", "> ", "> 1 ", "-> ", "/ ", "- ", "1 ", "1/", "1-", "a ", "a", "1", "#\n", "# x\n", "\"", "\"x\" ", ",", "\x00", "\xff", "é",
	"within 5s ", "knock a < 1 2 -> 3 >\n", "knock a <\n", "table\n", "open 1 from ::/0 on e1\n", "from ", "at 1.2.3.4 ", "# knockc:ignore K103 x\n",
}

// TestHostileTexts reads, checks and formats each text at two lengths.
func TestHostileTexts(t *testing.T) {
	for _, begin := range []string{"", "knock a < 1 ", "knock a < 1 -> 2 within "} {
		for _, repeat := range hostile {
			name := fmt.Sprintf("%q and many %q", begin, repeat)
			proportion.Check(t, name, 1000, func(n int) { readAndFormat(begin + strings.Repeat(repeat, n)) })
		}
	}
}

func readAndFormat(text string) {
	Examine([]byte(text))
	Format([]byte(text))
}

// hostilePolicies are in order but give the checker much to compare.
var hostilePolicies = map[string]func(n int) string{
	"long sequences of few ports": func(n int) string {
		return each(n, func(i int) string {
			return fmt.Sprintf("knock k%d <%s -> 22 reset any >\n", i, each(100, func(j int) string { return fmt.Sprint(" ", 1+(i*j*j+j)%5) }))
		})
	},
	"sequences of the most steps": func(n int) string {
		return each(n/10, func(i int) string {
			return fmt.Sprintf("knock k%d <%s -> 22 total 5s >\n", i, each(MaxSteps, func(j int) string { return fmt.Sprint(" ", 1000+(77*j*j+i)%20000) }))
		})
	},
	"one first and last step": func(n int) string {
		return each(4*n, func(i int) string {
			return fmt.Sprintf("knock k%d < 7 %[2]d 9 -> 22 close 11 %[2]d 12 >\n", i, 1000+i)
		})
	},
	"one sequence from many sources": func(n int) string {
		sources := each(10*n, func(i int) string { return fmt.Sprintf(" 10.%d.%d.0/24", i>>8, i&255) })
		return each(4, func(i int) string { return fmt.Sprintf("knock k%d < 1 2 3 -> 22 from%s >\n", i, sources) })
	},
	"open services": func(n int) string {
		return "open" + each(4*n, func(i int) string { return fmt.Sprint(" ", 1000+2*i) }) +
			each(n, func(i int) string { return fmt.Sprintf("\nknock u%d < 5 7 1 -> %d reset known >", i, 30000+i) })
	},
	"services that are open": func(n int) string {
		ports := each(10*n, func(i int) string { return fmt.Sprint(" ", 1000+i) })
		return "open" + ports + "\nknock a < 1 2 3 ->" + ports + " reset any >\n"
	},
	"silenced findings": func(n int) string {
		return each(10*n, func(i int) string {
			return fmt.Sprintf("# knockc:ignore K101 alone\nknock k%d < %d -> 22 >\n", i, 1+i)
		})
	},
}

// TestHostilePolicies does the same with such policies.
func TestHostilePolicies(t *testing.T) {
	for name, policy := range hostilePolicies {
		proportion.Check(t, name, 40, func(n int) { readAndFormat(policy(n)) })
	}
}

// each is the text of n parts.
func each(n int, part func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(part(i))
	}
	return b.String()
}
