//go:build linux

package rehearse

import (
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/nftrace"
	"example.org/knockc/lang"
)

// Subject is a policy that is rehearsed: one that is to be loaded, or one that is.
type Subject struct {
	Policy *lang.Policy // what one must know to knock

	// Where its rules are: in a table of the family inet, perhaps in the chains of a fragment,
	// whose names begin with that of the fragment.
	Table, Fragment string

	Sets   []string          // of sources, in that table
	Places map[string]Places // by knock

	ruleset *compiler.Ruleset // to be loaded; nil if the host has it
}

// Places are where the rules of a knock keep what a source has done.
type Places struct {
	Steps []compiler.Place // each step but the last
	Grant compiler.Place
}

// toBeLoaded is a policy that the host does not have.
func toBeLoaded(policy *lang.Policy, result *compiler.Result) *Subject {
	s := &Subject{Policy: policy, Table: result.Ruleset.Table, Places: map[string]Places{}, ruleset: result.Ruleset}
	for _, set := range result.Ruleset.Sets {
		s.Sets = append(s.Sets, set.Name)
	}
	for _, name := range result.Symbols.Knocks() {
		grant, _ := result.Symbols.Grant(name)
		s.Places[name] = Places{result.Symbols.Steps(name, compiler.Opening), grant}
	}
	return s
}

// set is the name of a set.
func (s *Subject) set(kind compiler.SetKind, f compiler.Family) string {
	return s.name(kind.SetName(f))
}

// name is the name of what is in a ruleset.
func (s *Subject) name(own string) string {
	if s.Fragment != "" {
		return s.Fragment + "_" + own
	}
	return own
}

// own reports whether an event is about a rule of the policy.
func (s *Subject) own(e nftrace.Event) bool {
	if e.Table != "table inet "+s.Table {
		return false
	}
	return s.Fragment == "" || e.Name == s.Fragment || strings.HasPrefix(e.Name, s.Fragment+"_")
}
