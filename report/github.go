package report

import (
	"fmt"
	"io"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// What the text of a workflow command of GitHub Actions, and its properties, cannot hold as
// they are (docs.github.com, "Workflow commands").
var (
	gitHubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	gitHubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub prints a workflow command of GitHub Actions for each test that failed, which shows
// it beside its line.
type GitHub struct {
	Out  io.Writer
	file string
}

func (g *GitHub) Begin(t *session.Trace) { g.file = t.Name }

func (g *GitHub) Outcome(o replay.Outcome) {
	if isTest(o) {
		g.test(g.file, testOf(o))
	}
}

func (g *GitHub) End(r *session.Result) { g.test(r.Name, replayed(r)) }

func (g *GitHub) Close(s *session.Summary) {
	if s.MinCover != nil {
		for _, policy := range covered(s) {
			g.test(policy.File, coverTest(policy, *s.MinCover))
		}
	}
}

func (g *GitHub) test(file string, t test) {
	if t.failure == "" {
		return
	}
	title, message := t.name, t.failure
	if t.broken {
		title = "cannot be replayed"
	}
	if t.why != "" {
		message += "\n" + t.why
	}
	fmt.Fprintf(g.Out, "::error file=%s,line=%d,title=%s::%s\n",
		gitHubProperty.Replace(lang.Printable(file)), max(1, t.line), gitHubProperty.Replace(title), gitHubData.Replace(message))
}
