package compiler

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"knockc/lang"
)

// markBegins is how the mark of a table that knockc has made begins.
const markBegins = "knockc policy "

// Mark is the comment of the base chain's first rule: it tells that knockc has made the
// table, and by its hash of which policy.
func (r *Ruleset) Mark() string { return r.Chains[0].Rules[0].Comment }

// PolicyOf is the hash of the policy that a mark tells of; false if the comment is none.
func PolicyOf(comment string) (hash string, ok bool) { return strings.CutPrefix(comment, markBegins) }

// mark has a hash of all that a policy says, but not of how it is written.
func mark(p *lang.Policy) string {
	h := sha256.New()
	s := p.Settings
	fmt.Fprintf(h, "table %s priority %d drop %v reject %v open %v size %d trust %v %v\n",
		s.Table, s.Priority, s.DefaultDrop, s.RefuseReject, s.Open, s.Size, s.TrustPrefixes, s.TrustIfaces)
	for _, k := range p.Knocks {
		io.WriteString(h, meaningOf(k))
		fmt.Fprintf(h, " log %v\n", k.Log)
	}
	return fmt.Sprintf("%s%x", markBegins, h.Sum(nil)[:8])
}
