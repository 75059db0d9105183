package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/session"
)

// The exit statuses.
const (
	exitOK     = 0
	exitInput  = 1 // the input is at fault, or an expectation failed
	exitUsage  = 2
	exitSystem = 3 // the tool or the system failed
)

// errInput says that the input is at fault; what is wrong with it is in the output.
var errInput = errors.New("input at fault")

// usageError is a command line that makes no sense. Without a hint, the usage of
// the command is shown.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// faultyFlag is a flag whose text has errors.
type faultyFlag struct{ *lang.FileFindings }

func (e *faultyFlag) Unwrap() error { return e.FileFindings }

// statusOf is the exit status of an error: of several that of the worst.
func statusOf(err error) int {
	status := exitOK
	for _, e := range leaves(err) {
		status = max(status, statusOfOne(e))
	}
	return status
}

func statusOfOne(err error) int {
	var usage *usageError
	var flag *faultyFlag
	var findings *lang.FileFindings
	var capture *session.FaultyCapture
	switch {
	case errors.As(err, &usage), errors.As(err, &flag):
		return exitUsage
	case errors.As(err, &findings), errors.As(err, &capture), errors.Is(err, errInput), errors.Is(err, session.ErrFailed):
		return exitInput
	}
	return exitSystem
}

// tellAll tells each error once, and returns the exit status.
func (s *streams) tellAll(err error) int {
	told := map[error]bool{}
	for _, e := range leaves(err) {
		if known := reflect.TypeOf(e).Comparable(); !known || !told[e] {
			s.tellOne(e)
			if known {
				told[e] = true
			}
		}
	}
	return statusOf(err)
}

func (s *streams) tellOne(err error) {
	var usage *usageError
	var findings *lang.FileFindings
	switch {
	case errors.Is(err, errInput), errors.Is(err, session.ErrFailed):
		// The output has told it.
	case errors.As(err, &usage):
		fmt.Fprintf(s.err, "knockc: %s\n%s\n", lang.Printable(usage.message), lang.Printable(usage.hint))
	case errors.As(err, &findings):
		findings.Render(s.err, s.errColor)
	default:
		s.tell(err)
	}
}

// tell shows an error that is not about the text of a file.
func (s *streams) tell(err error) {
	fmt.Fprintf(s.err, "knockc: %s\n", lang.Printable(err.Error()))
}

// leaves are the errors that were joined to one, see [errors.Join].
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	var texts []string
	for _, e := range several.Unwrap() {
		all = append(all, leaves(e)...)
		texts = append(texts, e.Error())
	}
	if err.Error() != strings.Join(texts, "\n") { // it says more than they do
		return []error{err}
	}
	return all
}
