package main

import (
	"errors"
	"fmt"
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

// errInput says that the input is at fault, or that an expectation failed. Which, is in
// the output.
var errInput = errors.New("input at fault")

// usageError is a command line that makes no sense. Without a hint, the usage of
// the command is shown.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// meant is an error about a command line for which there is a right one.
func meant(message string, args ...string) error {
	return &usageError{message, fmt.Sprintf("did you mean `knockc %s`?", strings.Join(args, " "))}
}

// faultyFlag is a flag whose text has errors.
type faultyFlag struct{ *lang.FileFindings }

func (e *faultyFlag) Unwrap() error { return e.FileFindings }

// several are errors that are told one by one, see [join].
type several []error

func (s several) Error() string   { return errors.Join(s...).Error() }
func (s several) Unwrap() []error { return s }

// join is one error of several; nil if all of them are. An error that wraps others, and
// says more than they do, stays one.
func join(errs ...error) error {
	var all several
	for _, err := range errs {
		all = append(all, each(err)...)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// each are the errors that were joined.
func each(err error) several {
	switch err := err.(type) {
	case nil:
		return nil
	case several:
		return err
	}
	return several{err}
}

// statusOf is the exit status of an error: of several that of the worst.
func statusOf(err error) int {
	status := exitOK
	for _, e := range each(err) {
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
	case errors.As(err, &findings), errors.As(err, &capture), errors.Is(err, errInput):
		return exitInput
	}
	return exitSystem
}

// tellAll tells all errors, and returns the exit status.
func (s *streams) tellAll(err error) int {
	for _, e := range each(err) {
		s.tellOne(e)
	}
	return statusOf(err)
}

func (s *streams) tellOne(err error) {
	var usage *usageError
	var findings *lang.FileFindings
	switch {
	case errors.Is(err, errInput):
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
