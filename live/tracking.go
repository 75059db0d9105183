package live

import (
	"os"
	"strings"

	"knockc/compiler"
)

// The mark of a table that does nothing yet but keep connection tracking on.
const (
	settlingMark = "knockc policy " + settling
	settling     = "none yet"
)

// Tracks reports whether the host is known to track connections, so that a guard does
// not cut those that live: it has a guard, or there are connections that it knows. t is
// the table that is loaded, or nil.
func Tracks(t *Table) bool {
	if t != nil {
		return t.Policy != settling
	}
	count, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count") // of the thread's namespace
	return err == nil && strings.TrimSpace(string(count)) != "0"
}

// StartTracking switches connection tracking on: it loads the table of a ruleset with a
// single rule, which accepts what would be accepted anyway.
func (h *Host) StartTracking(r *compiler.Ruleset) error {
	base := *r.Chains[0]
	base.Rules = []compiler.Rule{{Instructions: base.Rules[0].Instructions, Comment: settlingMark}}
	return h.Load(&compiler.Ruleset{Table: r.Table, Chains: []*compiler.Chain{&base}})
}
