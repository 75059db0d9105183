package compiler

// Ref is a reference of an instruction to a part of the table.
type Ref struct {
	Kind  RefKind
	Name  string
	Makes bool // it may make an element of that set
}

// RefKind is the kind of thing that a reference refers to.
type RefKind int

const (
	RefSet RefKind = iota
	RefCounter
	RefChain
)

// Refs calls see for each reference of the chain's rules, in order.
func (c *Chain) Refs(see func(Ref)) {
	for _, r := range c.Rules {
		for _, i := range r.Instructions {
			i.Refs(see)
		}
	}
}

func (CtState) Refs(func(Ref))     {}
func (Translated) Refs(func(Ref))  {}
func (Iface) Refs(func(Ref))       {}
func (L4Proto) Refs(func(Ref))     {}
func (Ports) Refs(func(Ref))       {}
func (TCPFlags) Refs(func(Ref))    {}
func (AddrType) Refs(func(Ref))    {}
func (Source) Refs(func(Ref))      {}
func (Destination) Refs(func(Ref)) {}
func (ICMP) Refs(func(Ref))        {}
func (Length) Refs(func(Ref))      {}
func (Log) Refs(func(Ref))         {}
func (Reject) Refs(func(Ref))      {}

func (i Lookup) Refs(see func(Ref)) { see(Ref{Kind: RefSet, Name: i.Set}) }
func (i Update) Refs(see func(Ref)) { see(Ref{Kind: RefSet, Name: i.Set, Makes: true}) }
func (i Delete) Refs(see func(Ref)) { see(Ref{Kind: RefSet, Name: i.Set}) }
func (i Spend) Refs(see func(Ref))  { see(Ref{Kind: RefSet, Name: i.Set}) }
func (i Count) Refs(see func(Ref))  { see(Ref{Kind: RefCounter, Name: i.Counter}) }

func (v Verdict) Refs(see func(Ref)) {
	if v.Chain != "" {
		see(Ref{Kind: RefChain, Name: v.Chain})
	}
}

func (i Dispatch) Refs(see func(Ref)) {
	for _, e := range i.Entries {
		e.Verdict.Refs(see)
	}
}

func (i Lengths) Refs(see func(Ref)) {
	for _, e := range i.Entries {
		e.Verdict.Refs(see)
	}
}

func (CtState) RunsFor(Family) bool         { return true }
func (Translated) RunsFor(Family) bool      { return true }
func (Iface) RunsFor(Family) bool           { return true }
func (L4Proto) RunsFor(Family) bool         { return true }
func (Ports) RunsFor(Family) bool           { return true }
func (TCPFlags) RunsFor(Family) bool        { return true }
func (AddrType) RunsFor(Family) bool        { return true }
func (i Source) RunsFor(f Family) bool      { return f == i.Family }
func (i Destination) RunsFor(f Family) bool { return f == i.Family }
func (i ICMP) RunsFor(f Family) bool        { return f == i.Family }
func (i Length) RunsFor(f Family) bool      { return f == i.Family }
func (i Lookup) RunsFor(f Family) bool      { return f == i.Key.Family }
func (i Update) RunsFor(f Family) bool      { return f == i.Key.Family }
func (i Delete) RunsFor(f Family) bool      { return f == i.Key.Family }
func (Spend) RunsFor(Family) bool           { return true }
func (Count) RunsFor(Family) bool           { return true }
func (Log) RunsFor(Family) bool             { return true }
func (Dispatch) RunsFor(Family) bool        { return true }
func (i Lengths) RunsFor(f Family) bool     { return f == i.Family }
func (Verdict) RunsFor(Family) bool         { return true }
func (Reject) RunsFor(Family) bool          { return true }

func (CtState) Elements() int       { return 0 }
func (Translated) Elements() int    { return 0 }
func (Iface) Elements() int         { return 0 }
func (L4Proto) Elements() int       { return 0 }
func (Ports) Elements() int         { return 0 }
func (TCPFlags) Elements() int      { return 0 }
func (AddrType) Elements() int      { return 0 }
func (i Source) Elements() int      { return len(i.Prefixes) }
func (i Destination) Elements() int { return len(i.Prefixes) }
func (i ICMP) Elements() int        { return len(i.Types) }
func (Length) Elements() int        { return 0 }
func (Lookup) Elements() int        { return 0 }
func (Update) Elements() int        { return 0 }
func (Delete) Elements() int        { return 0 }
func (Spend) Elements() int         { return 0 }
func (Count) Elements() int         { return 0 }
func (Log) Elements() int           { return 0 }
func (i Dispatch) Elements() int    { return len(i.Entries) }
func (i Lengths) Elements() int     { return len(i.Entries) }
func (Verdict) Elements() int       { return 0 }
func (Reject) Elements() int        { return 0 }
