package compiler

import (
	"net/netip"
	"slices"
	"time"
)

// Ruleset is a table of the family inet, or the content for such a table.
type Ruleset struct {
	Table    string
	Sets     []*Set
	Counters []*Counter
	Chains   []*Chain // the one with the mark first
}

// Set holds elements that may time out. An element's key is a source address of the
// family and a state number, or with Codes a one-time code.
type Set struct {
	Name    string
	Comment string
	Family  Family
	Codes   bool
	Size    int           // the number of elements at which the set is full
	Collect time.Duration // how often the places of ended elements are freed
}

// Counter counts packets.
type Counter struct {
	Name string
}

// Chain is a list of rules.
type Chain struct {
	Name    string
	Comment string
	Hook    *Hook // nil: reached only by goto and jump
	Rules   []Rule

	room *room // for more rules
}

// Hook makes a chain a base chain; its policy is accept.
type Hook struct {
	Point    HookPoint
	Priority int32
}

// HookPoint is a place on a packet's way where base chains are run.
type HookPoint int

const (
	Prerouting HookPoint = iota // every packet that arrives
	Input                       // packets to the host, after prerouting
	Forward                     // packets that go on to other hosts, after prerouting
)

func (h HookPoint) String() string { return [...]string{"prerouting", "input", "forward"}[h] }

// Rule runs its instructions until one breaks or decides. The kernel keeps the
// comment; it has at most 127 bytes.
type Rule struct {
	Instructions []Instruction
	Comment      string
}

// Family is the version of the Internet protocol.
type Family int

const (
	IPv4 Family = iota
	IPv6
)

// Families are all families.
var Families = []Family{IPv4, IPv6}

// FamilyOf is the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Maps are all dispatches with a name.
func (r *Ruleset) Maps() []Dispatch {
	var maps []Dispatch
	known := map[string]bool{"": true}
	for _, c := range r.Chains {
		for _, rule := range c.Rules {
			for _, i := range rule.Instructions {
				if d, ok := i.(Dispatch); ok && !known[d.Name] {
					known[d.Name] = true
					maps = append(maps, d)
				}
			}
		}
	}
	return maps
}

func (d Dispatch) hasRanges() bool {
	return d.Interval || slices.ContainsFunc(d.Entries, func(e DispatchEntry) bool { return e.First != e.Last })
}

// add adds a rule if there is room.
func (c *Chain) add(comment string, instructions ...Instruction) {
	size := len(instructions)
	for _, i := range instructions {
		size += i.Elements()
	}
	if c.room.take(size) {
		c.Rules = append(c.Rules, Rule{instructions, comment})
	}
}
