package compiler

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"knockc/lang"
)

// Place is where the state of a source is kept: a state number in one of the
// shared sets.
type Place struct {
	Kind   SetKind
	Number uint32
}

// SetKind is what the elements of a set stand for. There is a set of each kind
// for each family.
type SetKind int

const (
	FirstSteps SetKind = iota // the source made a first step
	Steps                     // the source is further on
	Grants                    // a door is open for the source
)

var setKinds = []struct{ name, comment string }{
	FirstSteps: {"first", "sources that made a first step"},
	Steps:      {"steps", "sources further on"},
	Grants:     {"grants", "sources for which a door is open"},
}

// SetName is the name of the set of a kind for a family.
func (k SetKind) SetName(f Family) string {
	return setKinds[k].name + [...]string{"4", "6"}[f]
}

// Symbol says what a state number means: that a source has done Step of the Of
// steps of a knock. Step == Of is the grant.
type Symbol struct {
	Knock    string
	Step, Of int
}

// Symbols is the table of the state numbers of a ruleset.
type Symbols struct {
	meanings map[Place]Symbol
	places   map[string][]Place // of each knock: step 1 and on, the grant last
}

// Meaning tells what an element stands for, given its set and state number.
func (s *Symbols) Meaning(set string, number uint32) (Symbol, bool) {
	for kind := range setKinds {
		for _, f := range Families {
			if k := SetKind(kind); k.SetName(f) == set {
				m, ok := s.meanings[Place{k, number}]
				return m, ok
			}
		}
	}
	return Symbol{}, false
}

// Grant tells where the grants of a knock are kept; false if there is no such
// knock.
func (s *Symbols) Grant(knock string) (Place, bool) {
	places, ok := s.places[knock]
	if !ok {
		return Place{}, false
	}
	return places[len(places)-1], true
}

// Knocks are the names of the knocks, in alphabetical order.
func (s *Symbols) Knocks() []string {
	return slices.Sorted(maps.Keys(s.places))
}

// placesOf gives each state of a knock its place: step 1 and on, the grant last.
//
// A state number is a hash of what the state means: the knock's name, what counts
// as one source, and the steps so far; for a grant its kind too. So an edited
// knock never inherits what the old one's sources had achieved, and an edit
// leaves all other knocks alone.
func placesOf(k *lang.Knock) []Place {
	var places []Place
	meaning := sha256.New()
	fmt.Fprintf(meaning, "knock %s per /32 /128", k.Name.Text)
	for i, s := range k.Steps {
		fmt.Fprintf(meaning, " %s/%d", s.Proto, s.Port)
		kind := Steps
		switch i {
		case len(k.Steps) - 1:
			kind = Grants
			fmt.Fprint(meaning, " grant timeout")
		case 0:
			kind = FirstSteps
		}
		places = append(places, Place{kind, binary.BigEndian.Uint32(meaning.Sum(nil))})
	}
	return places
}

// symbolTable gives every state of a policy its place. Two states in one place
// would be mistaken for each other; that is an error at the later knock.
func symbolTable(p *lang.Policy) (*Symbols, []lang.Finding) {
	table := &Symbols{meanings: map[Place]Symbol{}, places: map[string][]Place{}}
	var found []lang.Finding
	for _, k := range p.Knocks {
		places := placesOf(k)
		for i, place := range places {
			if other, ok := table.meanings[place]; ok {
				found = append(found, collision(k, other))
			}
			table.meanings[place] = Symbol{k.Name.Text, i + 1, len(k.Steps)}
		}
		table.places[k.Name.Text] = places
	}
	return table, found
}

// place is where a knock keeps the state after a step, counted from 1.
func (s *Symbols) place(k *lang.Knock, step int) Place { return s.places[k.Name.Text][step-1] }

func collision(k *lang.Knock, other Symbol) lang.Finding {
	return lang.Finding{
		Code:     lang.CodeState,
		Severity: lang.Error,
		Span:     k.Name.Span,
		Message:  fmt.Sprintf("knock `%s` has a state number that knock `%s` has already", k.Name.Text, other.Knock),
		Hint:     "give it another name",
	}
}
