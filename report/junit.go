package report

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// The XML of JUnit as CI systems read it: a suite for each trace, a case for each test.
// It has no times, since a single test has none of its own.
type (
	xmlSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Suites   []xmlSuite `xml:"testsuite"`
	}
	xmlSuite struct {
		Name     string    `xml:"name,attr"`
		Tests    int       `xml:"tests,attr"`
		Failures int       `xml:"failures,attr"`
		Errors   int       `xml:"errors,attr"`
		Cases    []xmlCase `xml:"testcase"`
		Output   string    `xml:"system-out,omitempty"`
	}
	xmlCase struct {
		Name    string      `xml:"name,attr"`
		Class   string      `xml:"classname,attr"`
		File    string      `xml:"file,attr"`
		Line    int         `xml:"line,attr,omitempty"`
		Failure *xmlFailure `xml:"failure"`
		Error   *xmlFailure `xml:"error"`
	}
	xmlFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit collects tests. [JUnit.XML] writes them at the end.
type JUnit struct {
	Page       string // the file of a page that draws the replays; "": there is none
	FailedOnly bool   // only those that failed are in it

	drawn   int // traces in the page so far
	all     xmlSuites
	current xmlSuite // of the trace that is replayed
}

func (j *JUnit) Begin(t *session.Trace) { j.current = xmlSuite{Name: lang.Printable(t.Name)} }

func (j *JUnit) Outcome(o replay.Outcome) {
	if isTest(o) {
		t := testOf(o)
		if t.failure != "" && j.Page != "" {
			t.why += fmt.Sprintf("\ndrawn in %s#trace-%d-line-%d", lang.Printable(j.Page), j.drawn, t.line)
		}
		j.current.add(t)
	}
}

func (j *JUnit) End(r *session.Result) {
	if !j.FailedOnly || !r.Passed() {
		j.drawn++
	}
	j.current.Name = lang.Printable(r.Name)
	j.current.add(replayed(r))
	if r.Stats != nil {
		j.current.Output = r.Stats.String()
	}
	j.all.add(j.current)
	j.current = xmlSuite{}
}

func (j *JUnit) Close(s *session.Summary) {
	if s.MinCover == nil {
		return
	}
	for _, p := range covered(s) {
		suite := xmlSuite{Name: lang.Printable(p.File)}
		suite.add(coverTest(p, *s.MinCover))
		j.all.add(suite)
	}
}

// XML is the text of the file.
func (j *JUnit) XML() []byte {
	text, _ := xml.MarshalIndent(j.all, "", "  ") // there is nothing in it that could fail
	return append([]byte(xml.Header), append(text, '\n')...)
}

func (all *xmlSuites) add(s xmlSuite) {
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Errors += s.Errors
	all.Suites = append(all.Suites, s)
}

func (s *xmlSuite) add(t test) {
	s.Tests++
	c := xmlCase{Name: t.title(s.Name), Class: s.Name, File: s.Name, Line: t.line}
	switch {
	case t.broken:
		s.Errors++
		first, _, _ := strings.Cut(t.failure, "\n")
		c.Error = &xmlFailure{capped(first), capped(t.failure)}
	case t.failure != "":
		s.Failures++
		c.Failure = &xmlFailure{capped(t.failure), capped(t.failure + "\n" + t.why + "\n")}
	}
	s.Cases = append(s.Cases, c)
}

// maxText is how many bytes of a text CI systems are asked to show.
const maxText = 64 << 10

// capped is a text, or its beginning and how much is left out.
func capped(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > maxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s\n... and %d more bytes\n", text[:end], len(text)-end)
}
