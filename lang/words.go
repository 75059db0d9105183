package lang

import "slices"

// Every word of the language stands in this file once. The lexer, the parser and its
// hints, and the tests of the grammars for editors take the words from here.

// Clause is one of the clauses of a knock.
type Clause int

const (
	ClauseWithin Clause = iota
	ClauseTotal
	ClauseGrant
	ClauseOnce
	ClauseReset
	ClauseClose
	ClauseFrom
	ClauseOn
	ClauseAt
	ClauseKey
	ClausePeriod
	ClauseAhead
	ClausePer
	ClauseLog
)

var clauses = [...]struct {
	word   string
	place  place
	values []string // words that can follow
}{
	ClauseWithin: {"within", inDefaults, nil},
	ClauseTotal:  {"total", inDefaults, []string{"none"}},
	ClauseGrant:  {"grant", inDefaults, []string{"forever"}},
	ClauseOnce:   {"once", inKnocks, nil},
	ClauseReset:  {"reset", inDefaults, append(slices.Clone(resetModes), "revoke")},
	ClauseClose:  {"close", inKnocks, nil},
	ClauseFrom:   {"from", inOpen, nil},
	ClauseOn:     {"on", inOpen, nil},
	ClauseAt:     {"at", inKnocks, nil},
	ClauseKey:    {"key", inDefaults, nil},
	ClausePeriod: {"period", inDefaults, nil},
	ClauseAhead:  {"ahead", inDefaults, nil},
	ClausePer:    {"per", inDefaults, nil},
	ClauseLog:    {"log", inDefaults, []string{"none"}},
}

func (c Clause) String() string { return clauses[c].word }

// place says where a clause is allowed.
type place int

const (
	inKnocks   place = iota // and nowhere else
	inDefaults              // also in `defaults`
	inOpen                  // also in `open`
)

func (p place) String() string {
	return [...]string{"a knock", "a knock or in `defaults < >`", "a knock or after the services of an `open`"}[p]
}

// Setting is a declaration about the whole policy.
type Setting int

const (
	SettingTable Setting = iota
	SettingHook
	SettingPriority
	SettingDefault
	SettingRefuse
	SettingOpen
	SettingSize
	SettingTrust
	SettingDefaults
)

var settings = [...]struct {
	word   string
	values []string // words that can follow
}{
	SettingTable:    {"table", nil},
	SettingHook:     {"hook", hooks},
	SettingPriority: {"priority", nil},
	SettingDefault:  {"default", []string{"accept", "drop"}},
	SettingRefuse:   {"refuse", []string{"drop", "reject"}},
	SettingOpen:     {"open", nil},
	SettingSize:     {"size", nil},
	SettingTrust:    {"trust", nil},
	SettingDefaults: {"defaults", nil},
}

func (s Setting) String() string { return settings[s].word }

// knockWord begins a knock.
const knockWord = "knock"

// BeginsDeclaration reports whether a word begins a declaration of a policy.
func BeginsDeclaration(word string) bool { return slices.Contains(declarationWords, word) }

// ProtoWords are the protocols of steps and services.
var ProtoWords = []string{TCP: "tcp", UDP: "udp", Ping: "ping"}

// codeWord stands in the place of a protocol: a UDP datagram with a one-time code.
const codeWord = "otp"

var (
	hooks      = []string{HookPrerouting: "prerouting", HookInput: "input"}
	resetModes = []string{ResetNone: "none", ResetKnown: "known", ResetAny: "any"}
)

// kept are words that are reserved for later, and why.
var kept = map[string]string{
	"to": "knockc cannot forward to another host yet",
}

// The same words by kind, in the order above.
var (
	ClauseWords      = clauseWords(inKnocks, inDefaults, inOpen)
	SettingWords     = settingWords()
	defaultWords     = clauseWords(inDefaults)
	openWords        = clauseWords(inOpen)
	declarationWords = append([]string{knockWord}, SettingWords...)
	clauseValues     = valuesOfClauses()
)

func clauseWords(places ...place) (words []string) {
	for _, c := range clauses {
		if slices.Contains(places, c.place) {
			words = append(words, c.word)
		}
	}
	return words
}

func settingWords() (words []string) {
	for _, s := range settings {
		words = append(words, s.word)
	}
	return words
}

func valuesOfClauses() (words []string) {
	for _, c := range clauses {
		words = append(words, c.values...)
	}
	return words
}

// Words are all words that have a meaning in a policy.
func Words() []string {
	words := slices.Concat(declarationWords, ProtoWords, []string{codeWord}, ClauseWords, clauseValues)
	for _, s := range settings {
		words = append(words, s.values...)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// clauseOf finds the clause of a word.
func clauseOf(word string) (Clause, bool) {
	i := slices.Index(ClauseWords, word)
	return Clause(i), i >= 0
}

// settingOf finds the setting of a word.
func settingOf(word string) (Setting, bool) {
	i := slices.Index(SettingWords, word)
	return Setting(i), i >= 0
}
