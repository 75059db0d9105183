//go:build linux

package main

import (
	"fmt"

	"github.com/rogpeppe/go-internal/diff"
)

// preview says what would change, in the policy's own terms and in rules.
func (a *applying) preview(s *streams) error {
	dry, err := a.host.Dry(a.ruleset)
	if err != nil {
		return a.inWords(err)
	}
	for _, line := range dry.Changes {
		fmt.Fprintln(s.out, line)
	}
	rules := diff.Diff("loaded", []byte(dry.Before), "policy", []byte(dry.After))
	switch {
	case len(rules) == 0:
		fmt.Fprintln(s.out, "nothing would change")
	case len(dry.Changes) > 0:
		fmt.Fprintln(s.out)
	}
	s.out.Write(rules)
	return a.warnOfHost(s)
}
