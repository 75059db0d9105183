package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The lines between which a part's output is.
const (
	beginMark = "matrix begin "
	endMark   = "matrix end "
)

// row is what became of a cell.
type row struct {
	cell        cell
	machine     string
	log         string
	kernel, nft string // versions
	complete    bool   // it ran to its end
	results     []result
	took        time.Duration
}

// result is what became of a part.
type result struct {
	part     string
	passed   int
	missing  int      // tests that ought to have passed, too
	failed   []string // their names, and what else is wrong
	seconds  float64
	subtests counted
	tally    tally
}

// counted is how many parts of a test passed, out of all.
type counted struct{ passed, all int }

// tally is what the tests of spec count.
type tally struct{ policies, packets, leftOut, disagreements int }

func (r row) failed() bool {
	bad := !r.complete || r.kernel == "" || r.nft == "" || len(r.results) == 0
	for _, result := range r.results {
		bad = bad || result.failed != nil
	}
	return bad
}

// readRow reads the output of a cell in which the tests of these names ran.
func readRow(output string, parts []part, names map[tests][]string) row {
	output = strings.ReplaceAll(output, "\r", "")
	r := row{kernel: submatch(output, `(?m)^matrix kernel (.+)$`), nft: submatch(output, `(?m)^matrix nft (.+)$`)}
	r.complete = strings.HasSuffix(output, "\nmatrix complete\n")
	for _, p := range parts {
		_, text, _ := strings.Cut(output, beginMark+p.name+"\n")
		text, status, _ := strings.Cut(text, endMark)
		var want []string
		for _, t := range p.tests {
			want = append(want, names[t]...)
		}
		r.results = append(r.results, readResult(p.name, text, status, want))
	}
	return r
}

var (
	testLine    = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+) \(([0-9.]+)s\)$`)
	subtestLine = regexp.MustCompile(`(?m)^    --- (PASS|FAIL|SKIP): \w+/([^/\n]+) \(`)
	tallyLine   = regexp.MustCompile(`(\d+) policies, \d+ traces, (\d+) packets, .*, (\d+) packets left out near a tick, (\d+) disagreements`)
)

func readResult(name, text, status string, want []string) result {
	r := result{part: name}
	how := map[string]string{}
	for _, m := range testLine.FindAllStringSubmatch(text, -1) {
		how[m[2]] = m[1]
		seconds, _ := strconv.ParseFloat(m[3], 64)
		r.seconds += seconds
	}
	for _, test := range want {
		if how[test] != "PASS" {
			r.missing++
		}
		switch how[test] {
		case "PASS":
			r.passed++
		case "":
			r.failed = append(r.failed, test+" did not run to its end")
		case "SKIP":
			r.failed = append(r.failed, test+" was skipped")
		default:
			r.failed = append(r.failed, test)
		}
	}
	for _, m := range subtestLine.FindAllStringSubmatch(text, -1) {
		r.subtests.all++
		if m[1] == "PASS" {
			r.subtests.passed++
		}
	}
	for _, m := range tallyLine.FindAllStringSubmatch(text, -1) {
		n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
		r.tally = tally{n(1), n(2), n(3), n(4)}
	}
	if !strings.HasPrefix(status, "0\n") && r.failed == nil {
		r.failed = append(r.failed, "the tests ended with an error")
	}
	if len(want) == 0 {
		r.failed = append(r.failed, "no tests ran")
	}
	return r
}

func submatch(text, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// String says what became of the cell, for the one who waits.
func (r row) String() string {
	text := fmt.Sprintf("%s: Linux %s, nft %s, %.0f s", r.cell.name(), r.kernel, r.nft, r.took.Seconds())
	if !r.complete {
		text += "\n\tit did not run to its end"
	}
	for _, p := range r.results {
		text += fmt.Sprintf("\n\t%-9s %s, %.0f s", p.part, p, p.seconds)
	}
	if r.failed() {
		text += "\n\tsee " + r.log
	}
	return text
}

// String is what the table says of the part.
func (p result) String() string {
	switch {
	case p.part == "examples" && p.subtests.all > 0:
		return fmt.Sprintf("%d of %d", p.subtests.passed, p.subtests.all)
	case p.failed != nil:
		return "failed: " + strings.Join(p.failed, ", ")
	case p.tally != tally{}:
		return fmt.Sprintf("%d policies, %d packets, %d left out, %d disagreements", p.tally.policies, p.tally.packets, p.tally.leftOut, p.tally.disagreements)
	}
	return fmt.Sprintf("%d tests", p.passed)
}
