package main

import (
	"fmt"

	"github.com/rogpeppe/go-internal/diff"

	"knockc/live"
)

// preview says what would change, in the policy's own terms and in rules.
func (a *applying) preview(s *streams) error {
	table := a.ruleset.Table
	old, err := a.host.Table(table)
	if err != nil {
		return err
	}
	changes := live.Compare(old, a.ruleset)
	for _, line := range changes {
		fmt.Fprintln(s.out, line)
	}
	before, err := live.Rules(table)
	if err != nil {
		return err
	}
	after, err := live.Preview(a.ruleset)
	if err != nil {
		return fmt.Errorf("the rules cannot be tried: %w", err)
	}
	rules := diff.Diff("loaded", []byte(before), "policy", []byte(after))
	switch {
	case len(rules) == 0:
		fmt.Fprintln(s.out, "nothing would change")
	case len(changes) > 0:
		fmt.Fprintln(s.out)
	}
	s.out.Write(rules)
	return a.warnOfHost(s)
}
