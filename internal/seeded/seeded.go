// Package seeded makes large inputs for benchmarks, the same in every run.
package seeded

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Policy is the text of a policy with this number of knocks. Each has four random
// steps, with ports below 30000, and a service of its own, from port 40000 on.
func Policy(knocks int) string {
	var text strings.Builder
	i := 0
	eachKnock(knocks, func(s [4]uint16, service uint16) {
		fmt.Fprintf(&text, "knock k%d < %d %d %d %d -> %d >\n", i, s[0], s[1], s[2], s[3], service)
		i++
	})
	return text.String()
}

func eachKnock(knocks int, see func(steps [4]uint16, service uint16)) {
	r := rand.New(rand.NewPCG(1, uint64(knocks)))
	for i := range knocks {
		var steps [4]uint16
		for n, port := range r.Perm(29999)[:4] {
			steps[n] = uint16(1 + port)
		}
		see(steps, uint16(40000+i))
	}
}

// Bodies is the text of a policy of n knocks with clauses, over several lines each.
func Bodies(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "# user %d\nknock user-%d <\n\t", i, i)
		for range 4 {
			fmt.Fprintf(&b, "%d ", 1024+r.IntN(20000))
		}
		fmt.Fprintf(&b, "-> %d within %ds grant 30s\n\treset any\n>\n\n", 30000+r.IntN(30000), 1+r.IntN(9))
	}
	return b.String()
}
