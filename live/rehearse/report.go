//go:build linux

package rehearse

import (
	"fmt"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
)

// Report is what a rehearsal has shown.
type Report struct {
	Checks []Check

	// Missing are the interfaces that the policy names and the host does not have. Interfaces
	// are those that it has.
	Missing    []lang.Iface
	Interfaces []string

	InUse   []string // ports for one-time codes that a program uses
	Lost    []string // what could not be copied, and why
	Untried int      // how many more kinds of strangers there may be at a door than were tried
	Advice  []string // what would be better, though it works
}

// Check is a question about a service of a knock in a family, and the answer.
type Check struct {
	Knock   string
	Service lang.Service
	Family  compiler.Family
	Asks    Question
	Answer  Answer

	By   *Rule  // that decided, if one did; only of a check that is not Good
	Why  string // in words, of a check that is not Good
	Hint string // what to type
}

// Question is what a check asks.
type Question int

const (
	Stranger Question = iota // is a stranger's attempt refused?
	Steps                    // does each step move the knock?
	Service                  // does an attempt after the knock get through?
	Grant                    // does the grant last as long as the policy says?
)

func (q Question) String() string { return [...]string{"stranger", "steps", "service", "grant"}[q] }

// Answer is that of a check.
type Answer int

const (
	NotJudged Answer = iota // the copy cannot tell
	Good
	Bad
)

// StandsOpen reports whether a stranger got in somewhere.
func (r *Report) StandsOpen() bool {
	return r.any(func(c Check) bool { return c.Asks == Stranger && c.Answer == Bad })
}

// Fails reports whether the policy does not work on this host: a door stands open or stays
// shut, or an interface is missing.
func (r *Report) Fails() bool {
	return len(r.Missing) > 0 || r.any(func(c Check) bool { return c.Answer == Bad })
}

func (r *Report) any(is func(Check) bool) bool {
	for _, c := range r.Checks {
		if is(c) {
			return true
		}
	}
	return false
}

// Rule is a rule that decided, or the policy of a chain.
type Rule struct {
	Table string // with its family
	Chain string
	Rule  string // as nft prints it, or as iptables-save does if that manages the table
}

func (r Rule) String() string {
	return fmt.Sprintf("table %s, chain %s: %s", r.Table, r.Chain, r.Rule)
}
