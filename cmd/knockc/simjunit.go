package main

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"knockc/lang"
)

// The XML of JUnit as CI systems read it: a suite for each trace, a case for each
// test. There are no times, which would be no one's.
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

// junit is the file for some suites.
func junit(suites []*suite) []byte {
	var all xmlSuites
	for _, s := range suites {
		x := junitSuite(s)
		all.Tests += x.Tests
		all.Failures += x.Failures
		all.Errors += x.Errors
		all.Suites = append(all.Suites, x)
	}
	text, _ := xml.MarshalIndent(all, "", "  ") // there is nothing in it that could fail
	return append([]byte(xml.Header), append(text, '\n')...)
}

func junitSuite(s *suite) xmlSuite {
	x := xmlSuite{Name: lang.Printable(s.file), Tests: len(s.tests), Output: s.output}
	for _, t := range s.tests {
		c := xmlCase{Name: t.title(s.file), Class: x.Name, File: x.Name, Line: t.line}
		switch {
		case t.broken:
			x.Errors++
			first, _, _ := strings.Cut(t.failure, "\n")
			c.Error = &xmlFailure{capped(first), capped(t.failure)}
		case t.failure != "":
			x.Failures++
			c.Failure = &xmlFailure{capped(t.failure), capped(t.failure + "\n" + t.why + "\n")}
		}
		x.Cases = append(x.Cases, c)
	}
	return x
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
