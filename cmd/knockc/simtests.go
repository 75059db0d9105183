package main

import (
	"errors"
	"fmt"
	"strings"

	"knockc/lang"
	"knockc/sim/replay"
)

// suite is the tests of a trace, or of a policy's cover.
type suite struct {
	file         string
	held, failed int    // expectations
	tests        []test // for JUnit
	output       string // what else is to be said, for JUnit
}

// test is a test and what came of it.
type test struct {
	name    string
	line    int    // in the suite's file; 0: none
	failure string // "": it passed
	why     string
	want    string
	got     string
	broken  bool // it could not be run
}

// count counts an outcome.
func (s *suite) count(o replay.Outcome) {
	switch {
	case !o.OK():
		s.failed++
	case o.Want != "":
		s.held++
	}
}

// isTest reports whether an outcome is a test: an expectation, or a packet that failed.
func isTest(o replay.Outcome) bool { return o.Event.Expect != nil || !o.OK() }

// testOf is an outcome as a test.
func testOf(o replay.Outcome) test {
	t := test{line: o.Event.Span.Start.Line, why: lang.Printable(o.Why), want: o.Want, got: o.Got}
	if x := o.Event.Expect; x != nil {
		t.name = fmt.Sprintf("expect %s %s for %s", x.Knock, state(o, o.Want), x.Src)
	} else {
		single := singlePacket(o)
		t.name = fmt.Sprintf("%s -> %s => %s", single.Source(), single.Destination(), o.Want)
	}
	if !o.OK() {
		t.failure = failure(o)
	}
	return t
}

// replayed is the test that the suite's trace can be replayed at all.
func (s *suite) replayed(err error) test {
	t := test{name: "can be replayed"}
	if err != nil && !errors.Is(err, errExpectation) {
		t.failure, t.broken = printableLines(err.Error()), true
	}
	return t
}

// printableLines is [lang.Printable] for a text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = lang.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// asksForTests reports whether anyone wants to see tests.
func (o *simOptions) asksForTests() bool { return o.tap || o.junit != nil }

// tested tells what came of a test: TAP at once, JUnit at the end.
func (r *simulation) tested(s *suite, t test) {
	if r.tap {
		r.tapped++
		writeTAP(r.out, r.tapped, s.file, t)
		r.out.Flush()
	}
	if r.junit != nil {
		s.tests = append(s.tests, t)
	}
}

// totals are those of all traces of a call.
type totals struct {
	passed, failed                 int // traces
	expectationsHeld, expectFailed int
}

func (t *totals) trace(s *suite, passed bool) {
	if passed {
		t.passed++
	} else {
		t.failed++
	}
	t.expectationsHeld += s.held
	t.expectFailed += s.failed
}

// String is the summary, as a test runner has it.
func (t *totals) String(color bool) string {
	verdict := paint(color, green, "PASS")
	if t.failed > 0 {
		verdict = paint(color, boldRed, "FAIL")
	}
	return fmt.Sprintf("%s: %s: %d passed, %d failed; %s: %d held, %d failed", verdict,
		plural(t.passed+t.failed, "trace"), t.passed, t.failed,
		plural(t.expectationsHeld+t.expectFailed, "expectation"), t.expectationsHeld, t.expectFailed)
}

// title is a test's full name.
func (t test) title(file string) string {
	if t.line == 0 {
		return fmt.Sprintf("%s: %s", lang.Printable(file), t.name)
	}
	return fmt.Sprintf("%s:%d: %s", lang.Printable(file), t.line, t.name)
}
