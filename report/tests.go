package report

import (
	"errors"
	"fmt"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// test is a test and what came of it, for [TAP] and [JUnit].
type test struct {
	name    string
	line    int    // in the file; 0: none
	failure string // "": it passed
	why     string
	want    string
	got     string
	broken  bool // it could not be run
}

// isTest reports whether an outcome is a test: an expectation, or a packet that failed.
func isTest(o replay.Outcome) bool { return o.Event.Expect != nil || !o.OK() }

// testOf is an outcome as a test.
func testOf(o replay.Outcome) test {
	t := test{line: o.Event.Span.Start.Line, why: lang.Printable(o.Why), want: o.Want.String(), got: o.Got.String()}
	if x := o.Event.Expect; x != nil {
		t.name = fmt.Sprintf("expect %s %s for %s", x.Knock, StateText(o.Want), x.Src)
	} else {
		t.name = fmt.Sprintf("%s => %s", packetText(o), o.Want)
	}
	if !o.OK() {
		t.failure = Failure(o)
	}
	return t
}

// replayed is the test that a trace can be replayed at all.
func replayed(r *session.Result) test {
	t := test{name: "can be replayed"}
	if err := errors.Join(r.Errs...); err != nil {
		t.failure, t.broken = printableLines(err.Error()), true
	}
	return t
}

// coverTest is the test that enough of a policy was met.
func coverTest(p *session.Policy, wanted float64) test {
	t := test{name: fmt.Sprintf("cover of %v%%", wanted)}
	if !p.MetEnough(&wanted) {
		t.failure = coverFailure(p.Cover, wanted)
	}
	return t
}

// title is a test's full name.
func (t test) title(file string) string {
	if t.line == 0 {
		return fmt.Sprintf("%s: %s", lang.Printable(file), t.name)
	}
	return fmt.Sprintf("%s:%d: %s", lang.Printable(file), t.line, t.name)
}

// printableLines is [lang.Printable] for a text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = lang.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
