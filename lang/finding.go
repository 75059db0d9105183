package lang

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says how bad a finding is.
type Severity int

const (
	// Error stops the policy or trace from being used.
	Error Severity = iota
	// Warning is a weakness that its author may have meant.
	Warning
	// Info is worth knowing.
	Info
)

func (s Severity) String() string {
	return [...]string{"error", "warning", "info"}[s]
}

// Code names a kind of finding and never changes its meaning.
type Code string

// The codes of the findings about policies and traces.
const (
	CodeText      Code = "K001" // text that is no token: a stray character, invalid UTF-8
	CodeSyntax    Code = "K002" // a token is missing or where it cannot stand
	CodeUnclosed  Code = "K003" // a body without its `>`
	CodeUnknown   Code = "K004" // a word that the language does not have
	CodeDuplicate Code = "K005" // a knock's name or a clause given twice
	CodeName      Code = "K006" // a name of the wrong shape
	CodePort      Code = "K007" // a port or range that does not exist
	CodeDuration  Code = "K008" // a duration of the wrong shape or out of range
	CodeStep      Code = "K009" // a step that is also a service
	CodeNotYet    Code = "K010" // part of the language, but not built yet
	CodeState     Code = "K011" // two knocks whose state numbers collide
	CodeTime      Code = "K012" // a trace's time that runs backwards or too far
	CodeAddress   Code = "K013" // an address of the wrong shape
)

// Finding is one thing to say about a text.
type Finding struct {
	Code     Code
	Severity Severity
	Span     Span
	Message  string // one sentence, lower case, no full stop
	Hint     string // what to type or do instead; may be empty
}

// findings collects what is found in one text.
type findings []Finding

// errorf adds an error and returns it, so that a hint can be set.
func (fs *findings) errorf(code Code, at Span, format string, args ...any) *Finding {
	*fs = append(*fs, Finding{Code: code, Severity: Error, Span: at, Message: fmt.Sprintf(format, args...)})
	return &(*fs)[len(*fs)-1]
}

// hint sets the finding's hint.
func (f *Finding) hint(format string, args ...any) { f.Hint = fmt.Sprintf(format, args...) }

// SortFindings orders findings by where they stand.
func SortFindings(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset)
	})
}

// HasErrors reports whether one of the findings is an error.
func HasErrors(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Error })
}
