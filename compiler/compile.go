package compiler

import (
	"example.org/knockc/lang"
)

// The base chains. A table of an older policy may have any of them.
const (
	guardChain     = "guard"     // at the hook that the policy names
	arrivedChain   = "arrived"   // at input, beside prerouting
	forwardedChain = "forwarded" // at forward, if a knock has `at`
)

var baseChains = []string{guardChain, arrivedChain, forwardedChain}

// Result is a compiled policy.
type Result struct {
	Policy  *lang.Policy
	Ruleset *Ruleset
	Symbols *Symbols
	Codes   []CodesOf // the one-time codes that its sets are for
}

// Compile turns a policy without errors into a ruleset. It has a finding, and a nil
// result, for what only the layout of the rules can show: that two knocks have the same
// state number, or that there are too many rules.
func Compile(p *lang.Policy) (*Result, []lang.Finding) {
	symbols, collisions := symbolTable(p)
	if lang.HasErrors(collisions) {
		return nil, collisions
	}
	b := newBuilder(p, symbols, &room{left: MaxInstructions})
	b.build()
	if b.room.full {
		return nil, []lang.Finding{b.room.finding()}
	}
	return &Result{p, b.ruleset, symbols, codesOf(p)}, nil
}

func newBuilder(p *lang.Policy, symbols *Symbols, room *room) *builder {
	return &builder{
		policy: p, symbols: symbols, room: room, ruleset: &Ruleset{Table: p.Settings.Table},
		ends: map[ending]bool{}, lastDoors: map[string]bool{}, destinations: map[*lang.Knock][]Destination{},
	}
}

// build makes the ruleset, as far as there is room.
func (b *builder) build() {
	p := b.policy
	b.cut()
	b.guards()
	b.findResets()
	b.counters()
	b.guard()
	if p.Settings.Hook == lang.HookPrerouting {
		b.arrived()
		b.forwarded()
	}
	b.established()
	b.trusted()
	b.resets()
	b.pingChains()
	b.stepChains()
	b.serviceChains()
	b.openChains()
	b.endingChains()
	b.undecided()
	b.refusal()
	b.sets()
	b.codeSets()
}

// Check finds what [Compile] would find. It compiles a policy only if that may take too
// many rules.
func Check(p *lang.Policy) []lang.Finding {
	if atMost(p) > MaxInstructions {
		_, found := Compile(p)
		return found
	}
	_, found := symbolTable(p)
	return found
}

// builder makes a ruleset. Its methods add the chains that they are named for, if the
// policy needs them.
type builder struct {
	policy  *lang.Policy
	symbols *Symbols
	ruleset *Ruleset
	room    *room

	steps, pings []*point // where knocks listen
	services     []*point // that knocks guard
	opens        []*point // services of `open`
	busy, doors  guard

	grouped bool // the guard of progress knows groups of knocks

	resetting   [3][3]bool // by mode and protocol: whether a knock resets so
	resettingAt [3][3]bool // whether a knock that has `at` does

	destinations map[*lang.Knock][]Destination // those of `at`

	endings   []ending // whose chains are still to be made
	ends      map[ending]bool
	lastDoors map[string]bool // the chains that lastDoor has made, by name
	parts     int             // how many chains hold what did not fit into one rule
}

func (b *builder) chain(name, comment string) *Chain {
	c := &Chain{Name: name, Comment: comment, room: b.room}
	b.ruleset.Chains = append(b.ruleset.Chains, c)
	return c
}

// counters are those of what knocks have done, and of refused attempts.
func (b *builder) counters() {
	count := func(name string) { b.ruleset.Counters = append(b.ruleset.Counters, &Counter{name}) }
	for _, k := range b.policy.Knocks {
		count(StepsCounter(k.Name.Text))
		count(OpenedCounter(k.Name.Text))
		count(LetInCounter(k.Name.Text))
		if admitsSome(k) {
			count(BarredCounter(k.Name.Text))
		}
	}
	for _, p := range b.services {
		count(RefusedCounter(p.Point))
	}
}

// sets are the sets of the kinds that the rules use.
func (b *builder) sets() {
	used := map[string]bool{}
	use := func(r Ref) {
		if r.Kind == RefSet {
			used[r.Name] = true
		}
	}
	for _, c := range b.ruleset.Chains {
		c.Refs(use)
	}
	for kind, k := range setKinds {
		for _, f := range Families {
			if name := SetKind(kind).SetName(f); used[name] {
				b.ruleset.Sets = append(b.ruleset.Sets, &Set{
					Name: name, Comment: k.comment, Family: f,
					Size: b.policy.Settings.Size, Collect: b.collect(SetKind(kind)),
				})
			}
		}
	}
}
