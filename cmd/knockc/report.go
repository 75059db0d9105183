package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"knockc/lang"
)

// report shows findings about a file to a person, on s.out or s.err.
func (s *streams) report(w io.Writer, file string, src []byte, found []lang.Finding) {
	s.reportIn(w, file, bytes.NewReader(src), found)
}

// reportIn is report for a text that is not held.
func (s *streams) reportIn(w io.Writer, file string, src io.ReaderAt, found []lang.Finding) {
	render := lang.Finding.Render
	if w == s.out && s.outColor || w == s.err && s.errColor {
		render = lang.Finding.RenderColor
	}
	for i, f := range found {
		if i == maxShown {
			fmt.Fprintf(w, "%s: and %d more\n", lang.Printable(file), len(found)-i)
			break
		}
		f, around := excerpt(src, f)
		io.WriteString(w, render(f, file, around))
	}
}

// excerptSize is how much of a text is read to show a finding, half of it before the
// finding: more than is shown.
const excerptSize = 2048

// excerpt is the text around a finding, and the finding as it is in there.
func excerpt(src io.ReaderAt, f lang.Finding) (lang.Finding, []byte) {
	start := max(0, f.Span.Start.Offset-excerptSize/2)
	text := make([]byte, excerptSize)
	n, _ := src.ReadAt(text, int64(start))
	f.Span.Start.Offset = min(n, f.Span.Start.Offset-start)
	f.Span.End.Offset = max(f.Span.Start.Offset, f.Span.End.Offset-start)
	return f, text[:n]
}

// maxShown is how many findings about a file are shown to a person.
const maxShown = 100

// atLeast are the findings that are as bad as that or worse.
func atLeast(worst lang.Severity, found []lang.Finding) []lang.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f lang.Finding) bool { return f.Severity > worst })
}

// toldError is errInput or errSystem with what was told, for a report that tells it too.
type toldError struct {
	kind  error
	cause error
}

func (e *toldError) Error() string   { return e.cause.Error() }
func (e *toldError) Unwrap() []error { return []error{e.kind, e.cause} }

// maxRetold is how many findings a report tells.
const maxRetold = 10

// inputFault is errInput for findings that were told, some of which are errors.
func inputFault(file string, found []lang.Finding) error {
	var lines []string
	for i, f := range found {
		if i == maxRetold {
			lines = append(lines, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		at := f.Span.Start
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", lang.Printable(file), at.Line, at.Column, f.Message))
	}
	return &toldError{errInput, errors.New(strings.Join(lines, "\n"))}
}

// andFault is a fault of the input with another that was told, if there is one.
func andFault(fault, other error) error {
	if other == nil {
		return fault
	}
	return &toldError{errInput, fmt.Errorf("%w\n%w", fault, other)}
}
