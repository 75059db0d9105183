// Package seeded makes large inputs for benchmarks, the same in every run.
package seeded

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Policy is the text of a policy with as many knocks, each of which has four random
// steps, of ports below 30000, and a service of its own, from 40000 on.
func Policy(knocks int) string {
	r := rand.New(rand.NewPCG(1, uint64(knocks)))
	var text strings.Builder
	for i := range knocks {
		steps := r.Perm(29999)[:4]
		fmt.Fprintf(&text, "knock k%d < %d %d %d %d -> %d >\n", i, 1+steps[0], 1+steps[1], 1+steps[2], 1+steps[3], 40000+i)
	}
	return text.String()
}
