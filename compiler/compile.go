package compiler

import "knockc/lang"

const (
	tableName = "knockc"
	baseChain = "guard"
	// priority is that of the base chain: before the usual filters, at a number
	// that nobody else uses. (Chains of one priority run in the order of their
	// registration, the last first.)
	priority = -10
	// setSize is one more than what would make the kernel allocate the whole
	// hash table at once.
	setSize = 65536
)

// Result is a compiled policy.
type Result struct {
	Ruleset *Ruleset
	Symbols *Symbols
}

// Compile turns a policy without errors into a ruleset. It finds what the
// compiler does not know yet, and what only the layout of the rules can show, two
// knocks whose state numbers collide; the result is nil if that is an error.
func Compile(p *lang.Policy) (*Result, []lang.Finding) {
	found := notYet(p)
	symbols, collisions := symbolTable(p)
	found = append(found, collisions...)
	if lang.HasErrors(found) {
		return nil, found
	}
	r := &Ruleset{Table: tableName, Sets: sets()}
	ranges := portRanges(p)
	for _, ports := range ranges {
		r.Chains = append(r.Chains, symbols.portChain(ports))
	}
	r.Chains = append(r.Chains, guardChain(ranges))
	return &Result{r, symbols}, found
}

func sets() []*Set {
	var all []*Set
	for kind, k := range setKinds {
		for _, f := range Families {
			all = append(all, &Set{Name: SetKind(kind).SetName(f), Comment: k.comment, Family: f, Size: setSize})
		}
	}
	return all
}

// guardChain is the base chain.
func guardChain(ranges []*portRange) *Chain {
	c := &Chain{Name: baseChain, Comment: "every packet that arrives", Hook: &Hook{priority}}
	c.add("", CtState{StateEstablished | StateRelated}, Verdict{Kind: Accept})
	c.add("", Iface{"lo"}, Verdict{Kind: Accept})
	if len(ranges) == 0 {
		return c
	}
	var d Dispatch
	for _, r := range ranges {
		d.Entries = append(d.Entries, DispatchEntry{r.proto.Number(), r.first, r.last, Verdict{Goto, r.chain()}})
	}
	c.add("", d)
	return c
}

// portChain decides about the packets to a range of ports. Its last rule drops
// what no other accepts; it stands alone because an update of a full set ends
// its rule.
func (s *Symbols) portChain(r *portRange) *Chain {
	c := &Chain{Name: r.chain(), Comment: r.comment()}
	for _, part := range r.steps {
		for _, f := range Families {
			c.add(part.String(), s.stepRule(r.proto, part, f)...)
		}
	}
	for _, k := range r.services {
		for _, f := range Families {
			grant := s.place(k, len(k.Steps))
			c.add("service of "+k.Name.Text, append(attempt(r.proto), lookup(grant, f), Verdict{Kind: Accept})...)
		}
	}
	c.add("", Verdict{Kind: Drop})
	return c
}

// stepRule moves the sources that have done the step before, on an attempt.
func (s *Symbols) stepRule(proto lang.Proto, p part, f Family) []Instruction {
	rule := attempt(proto)
	if p.step > 1 {
		rule = append(rule, lookup(s.place(p.knock, p.step-1), f))
	}
	timeout := p.knock.Within
	if p.opens() {
		timeout = p.knock.Grant
	}
	place := s.place(p.knock, p.step)
	return append(rule, Update{Key{f, place.Number}, place.Kind.SetName(f), timeout})
}

// attempt breaks for packets that are no attempt. Any UDP datagram is one.
func attempt(p lang.Proto) []Instruction {
	if p == lang.UDP {
		return nil
	}
	return []Instruction{TCPFlags{Flags: lang.SYN, Mask: lang.FIN | lang.SYN | lang.RST | lang.ACK}}
}

func lookup(p Place, f Family) Lookup {
	return Lookup{Key{f, p.Number}, p.Kind.SetName(f)}
}

func (c *Chain) add(comment string, instructions ...Instruction) {
	c.Rules = append(c.Rules, Rule{instructions, comment})
}
