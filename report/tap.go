package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// TAP prints tests in the format TAP 13 (testanything.org), each as soon as it is
// known. After a failed test come the reasons, in YAML, which includes JSON strings.
type TAP struct {
	out   *bufio.Writer
	notes io.Writer // for what is no test
	top   int
	rules bool // -cover lists rules
	file  string
	tests int
}

// NewTAP writes the first line. Remarks about captures go to notes; top is how many
// sources of each list are shown, and rules says whether rules are listed that did not run.
func NewTAP(out *bufio.Writer, notes io.Writer, top int, rules bool) *TAP {
	fmt.Fprintln(out, "TAP version 13")
	out.Flush()
	return &TAP{out: out, notes: notes, top: top, rules: rules}
}

func (p *TAP) Begin(t *session.Trace) { p.file = t.Name }

func (p *TAP) Outcome(o replay.Outcome) {
	if isTest(o) {
		p.test(p.file, testOf(o))
	}
}

func (p *TAP) End(r *session.Result) {
	if r.Stats != nil {
		fmt.Fprintf(p.notes, "%s: %s\n", lang.Printable(r.Name), r.Stats)
	}
	p.test(r.Name, replayed(r))
}

func (p *TAP) Close(s *session.Summary) {
	const comment = "# "
	writeTop(p.out, comment, s.Top, p.top)
	writeCovers(p.out, comment, false, p.rules, s)
	if s.MinCover != nil {
		for _, policy := range covered(s) {
			p.test(policy.File, coverTest(policy, *s.MinCover))
		}
	}
	fmt.Fprintf(p.out, "1..%d\n", p.tests)
}

func (p *TAP) test(file string, t test) {
	p.tests++
	result := "ok"
	if t.failure != "" {
		result = "not ok"
	}
	fmt.Fprintf(p.out, "%s %d - %s\n", result, p.tests, strings.ReplaceAll(t.title(file), "#", `\#`))
	if t.failure != "" {
		p.reasons(t)
	}
	p.out.Flush()
}

func (p *TAP) reasons(t test) {
	fmt.Fprintf(p.out, "  ---\n  message: %s\n", jsonText(t.failure))
	for _, pair := range [][2]string{{"why", t.why}, {"wanted", t.want}, {"found", t.got}} {
		if pair[1] != "" {
			fmt.Fprintf(p.out, "  %s: %s\n", pair[0], jsonText(pair[1]))
		}
	}
	fmt.Fprint(p.out, "  ...\n")
}

// jsonText is a string in JSON.
func jsonText(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}
