package compiler

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"example.org/knockc/lang"
)

// SetKind is what the elements of a set mean. There is a set of each kind for each
// family.
type SetKind int

const (
	FirstSteps   SetKind = iota // the source made a first step
	Steps                       // the source made a later step
	ClosingFirst                // the source made the first step to shut a door
	ClosingSteps                // the source made a later step to shut a door
	Grants                      // a door is open for the source
	Busy                        // the source has progress that may be reset
	Doors                       // some door is open for the source
	LetIn                       // the guard has let the source in just now
)

var setKinds = []struct {
	names   [2]string // by family
	comment string
}{
	FirstSteps:   {[2]string{"first4", "first6"}, "sources that made a first step"},
	Steps:        {[2]string{"steps4", "steps6"}, "sources that made a later step"},
	ClosingFirst: {[2]string{"closing_first4", "closing_first6"}, "sources that made the first step to shut a door"},
	ClosingSteps: {[2]string{"closing4", "closing6"}, "sources that made a later step to shut a door"},
	Grants:       {[2]string{"grants4", "grants6"}, "sources for which a door is open"},
	Busy:         {[2]string{"busy4", "busy6"}, "sources with progress that a wrong attempt resets"},
	Doors:        {[2]string{"doors4", "doors6"}, "sources for which some door is open; for others, no door needs a look"},
	LetIn:        {[2]string{"let_in4", "let_in6"}, "sources that were let in just now"},
}

// Place is where the state of a source is stored: a state number in one of the shared
// sets.
type Place struct {
	Kind   SetKind
	Number uint32
	Per    lang.Per // what counts as one source
}

// Key is the place's key in the set of a family.
func (p Place) Key(f Family) Key {
	return Key{f, [...]int{p.Per.IPv4, p.Per.IPv6}[f], p.Number}
}

// Role is what a state means for its knock.
type Role int

const (
	Opening Role = iota // a step of the sequence is done
	Closing             // a step of the `close` sequence is done
	Grant               // the door is open
)

// Symbol says what a state number means: that a source has done Step of the Of
// steps of a sequence, or that the knock's door is open for it.
type Symbol struct {
	Knock    string
	Role     Role
	Step, Of int // of a sequence
}

// states are the places in which a knock keeps what its sources have achieved.
type states struct {
	meaning          string // of the knock
	opening, closing sequenceStates
	grant            Place

	doored  bool    // the guard of doors stands for its grants
	crowded []Point // services where no grant is looked for without the guard of doors
}

// sequenceStates are those of one of its sequences.
type sequenceStates struct {
	done  []Place // after each step but the last
	begun Place   // since the latest attempt at the first step, for `total`
}

// Symbols is the table of the state numbers of a ruleset.
type Symbols struct {
	meanings map[placeKey]Symbol
	states   map[string]*states // by knock
}

type placeKey struct {
	kind   SetKind
	number uint32
}

// Meaning says what an element means, given its set and state number.
func (s *Symbols) Meaning(set string, number uint32) (Symbol, bool) {
	kind, _, ok := SetOf(set)
	if !ok {
		return Symbol{}, false
	}
	means, ok := s.meanings[placeKey{kind, number}]
	return means, ok
}

// Grant says where the grants of a knock are stored; false if there is no such knock.
func (s *Symbols) Grant(knock string) (Place, bool) {
	states, ok := s.states[knock]
	if !ok {
		return Place{}, false
	}
	return states.grant, true
}

// Unfound are the services of a knock where the rules do not find a grant that older rules
// have made: so many knocks guard them that the rules ask the guard of doors first, and the
// older rules have put nothing there.
func (s *Symbols) Unfound(older *Symbols, knock string) []Point {
	was, is := older.states[knock], s.states[knock]
	if was == nil || is == nil || was.doored {
		return nil
	}
	return is.crowded
}

// Steps says where the steps that a source has done are stored: one place for each step
// of a sequence, [Opening] or [Closing], except the last.
func (s *Symbols) Steps(knock string, sequence Role) []Place {
	states, ok := s.states[knock]
	switch {
	case !ok:
		return nil
	case sequence == Closing:
		return states.closing.done
	}
	return states.opening.done
}

// Knocks are the names of the knocks, in alphabetical order.
func (s *Symbols) Knocks() []string {
	return slices.Sorted(maps.Keys(s.states))
}

// symbolTable gives every state of a policy its place. Two states in one place
// would be mistaken for each other; that is an error at the later knock.
func symbolTable(p *lang.Policy) (*Symbols, []lang.Finding) {
	const usual = 4 // states of a knock
	t := &Symbols{make(map[placeKey]Symbol, usual*len(p.Knocks)), make(map[string]*states, len(p.Knocks))}
	var found []lang.Finding
	for _, k := range p.Knocks {
		taken, meaning := "", meaningOf(k)
		place := func(kind SetKind, role string, means Symbol) Place {
			place := Place{kind, stateNumber(meaning, role), k.Per}
			key := placeKey{kind, place.Number}
			if other, ok := t.meanings[key]; ok {
				taken = other.Knock
			}
			t.meanings[key] = means
			return place
		}
		t.states[k.Name.Text] = &states{
			meaning: meaning,
			opening: sequencePlaces(k, k.Steps, Opening, place),
			closing: sequencePlaces(k, k.Close, Closing, place),
			grant:   place(Grants, "grant", Symbol{Knock: k.Name.Text, Role: Grant}),
		}
		if taken != "" {
			found = append(found, collision(k, taken))
		}
	}
	return t, found
}

func sequencePlaces(k *lang.Knock, steps []lang.Step, role Role, place func(SetKind, string, Symbol) Place) sequenceStates {
	var s sequenceStates
	name, first, later := "opening", FirstSteps, Steps
	if role == Closing {
		name, first, later = "closing", ClosingFirst, ClosingSteps
	}
	for i := 1; i < len(steps); i++ {
		kind := later
		if i == 1 {
			kind = first
		}
		means := Symbol{k.Name.Text, role, i, len(steps)}
		s.done = append(s.done, place(kind, name+" "+strconv.Itoa(i), means))
		if i == 1 && k.Total != 0 {
			s.begun = place(first, name+" begun", Symbol{k.Name.Text, role, 0, len(steps)})
		}
	}
	return s
}

// meaningOf is all that a knock says except what is logged.
func meaningOf(k *lang.Knock) string {
	meaning := fmt.Sprintf("knock %s %v -> %v within %v total %v grant %v once %v reset %v close %v from %v on %v per %v",
		k.Name.Text, k.Steps, k.Services, k.Within, k.Total, k.Grant, k.Once, k.Reset, k.Close, k.From, k.On, k.Per)
	if len(k.At) > 0 { // knocks without have the numbers that they always had
		meaning += fmt.Sprintf(" at %v", k.At)
	}
	if k.CodeStep() >= 0 {
		meaning += fmt.Sprintf(" key %q period %v", k.Key.Path, k.Period)
	}
	return meaning
}

// stateNumber is a hash of what a state means: of its knock and its role in it.
// So an edited knock never inherits what the old one's sources had achieved, and
// an edit leaves all other knocks alone.
func stateNumber(meaning, role string) uint32 {
	sum := sha256.Sum256([]byte(meaning + ": " + role))
	return binary.BigEndian.Uint32(sum[:])
}

func collision(k *lang.Knock, other string) lang.Finding {
	return lang.Finding{
		Code:     lang.CodeState,
		Severity: lang.Error,
		Span:     k.Name.Span,
		Message:  fmt.Sprintf("knock `%s` has the same state number as knock `%s`", k.Name.Text, other),
		Hint:     "give it another name",
	}
}
