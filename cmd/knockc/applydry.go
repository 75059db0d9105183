//go:build linux

package main

import (
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/diff"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// preview says what would change, in the policy's own terms and in rules.
func (a *applying) preview(s *streams) error {
	dry, err := a.host.Dry(a.ruleset)
	if err != nil {
		return a.inWords(err)
	}
	told := len(dry.Changes) > 0
	if old := loadedPolicy(dry.Policy); old != nil {
		if told, err = writeChanges(s.out, old, a.result, byApply); err != nil {
			return err
		}
	} else {
		for _, line := range dry.Changes {
			fmt.Fprintln(s.out, line)
		}
	}
	rules := diff.Diff("loaded", []byte(dry.Before), "policy", []byte(dry.After))
	switch {
	case len(rules) == 0:
		fmt.Fprintln(s.out, "nothing would change")
	case told:
		fmt.Fprintln(s.out)
	}
	s.out.Write(rules)
	return a.warnOfHost(s)
}

// loadedPolicy is the policy that the host loads at boot, if that is the loaded one. A table does
// not contain its policy.
func loadedPolicy(hash string) *compiler.Result {
	src, err := os.ReadFile(hostPolicy)
	if err != nil || hash == "" {
		return nil
	}
	policy, found := lang.Examine(src)
	if lang.HasErrors(found) {
		return nil
	}
	r, _ := compiler.Compile(policy)
	if r == nil {
		return nil
	}
	if of, _ := compiler.PolicyOf(r.Ruleset.Mark()); of != hash {
		return nil
	}
	return r
}
