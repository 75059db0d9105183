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
	// Warning is a weakness that the author may have intended.
	Warning
	// Info is worth knowing.
	Info
)

func (s Severity) String() string {
	return [...]string{"error", "warning", "info"}[s]
}

// Finding is one remark about a text.
type Finding struct {
	Code     Code // empty if the text is neither a policy nor a trace
	Severity Severity
	Span     Span
	Message  string // one sentence, lower case, no full stop
	Hint     string // what to type or do instead; may be empty
	Fix      Edit   // the edit that the hint asks for; the zero Edit if it is not a single one
}

// Edit puts a text in the place of a span.
type Edit struct {
	Span Span
	Text string
}

// findings collects what is found in one text.
type findings []Finding

// add adds a finding and returns it, so that a hint can be set.
func (fs *findings) add(code Code, at Span, format string, args ...any) *Finding {
	*fs = append(*fs, Finding{Code: code, Severity: code.severity(), Span: at, Message: fmt.Sprintf(format, args...)})
	return &(*fs)[len(*fs)-1]
}

// hint sets the finding's hint.
func (f *Finding) hint(format string, args ...any) { f.Hint = fmt.Sprintf(format, args...) }

// instead hints at a text in the place of the finding.
func (f *Finding) instead(format string, args ...any) {
	f.hint(format, args...)
	f.Fix = Edit{f.Span, f.Hint}
}

// leaveOut hints that the finding's place should be empty.
func (f *Finding) leaveOut() {
	f.Hint, f.Fix = "leave it out", Edit{f.Span, ""}
}

// meant hints at a word in the place of the finding.
func (f *Finding) meant(word string) {
	f.Hint, f.Fix = meaning(word), Edit{f.Span, word}
}

// didYouMean hints at the word of the list that was most likely meant, if there
// is one.
func (f *Finding) didYouMean(text string, words []string) bool {
	near := Nearest(text, words)
	if near != "" {
		f.meant(near)
	}
	return near != ""
}

// SortFindings sorts findings by their place in the text.
func SortFindings(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset)
	})
}

// HasErrors reports whether one of the findings is an error.
func HasErrors(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Error })
}

// AtLeast returns the findings of this severity or a worse one.
func AtLeast(worst Severity, found []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return f.Severity > worst })
}
