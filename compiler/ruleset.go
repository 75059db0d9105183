package compiler

// Ruleset is a table of the family inet.
type Ruleset struct {
	Table  string
	Sets   []*Set
	Chains []*Chain // a chain stands behind those that it goes to
}

// Set holds elements that time out. An element's key is a source address and a
// state number.
type Set struct {
	Name    string
	Comment string
	Family  Family
	Size    int // the number of elements at which the set is full
}

// Chain is a list of rules.
type Chain struct {
	Name    string
	Comment string
	Hook    *Hook // nil: reached by goto only
	Rules   []Rule
}

// Hook makes a chain a base chain for packets that arrive at the host; its
// policy is accept.
type Hook struct {
	Priority int
}

// Rule runs its instructions until one breaks or decides.
type Rule struct {
	Instructions []Instruction
	Comment      string // kept in the kernel; at most 127 bytes
}

// Family is the version of the Internet protocol.
type Family int

const (
	IPv4 Family = iota
	IPv6
)

// Families are all families.
var Families = []Family{IPv4, IPv6}
