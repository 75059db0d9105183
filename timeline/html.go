//go:build !js

// The playground draws in the browser; html/template would make it larger.

package timeline

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

// The parts of the drawing, which the playground has too.
var (
	//go:embed drawing.js
	Script string
	//go:embed style.css
	Style string

	//go:embed report.html
	page string
)

// pageTemplate is read when it is needed: most runs of the command do not.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"verdicts": verdicts, "doors": doors, "lines": lines,
	}).Parse(page))
})

// WriteHTML writes a report as one page, which loads nothing from elsewhere.
func (r *Report) WriteHTML(w io.Writer, title string) error {
	return pageTemplate().Execute(w, map[string]any{
		"Title": title, "Report": r, "Style": template.CSS(Style), "Script": template.JS(Script),
	})
}

// verdicts are the numbers that are not 0, in words.
func verdicts(c Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{c.Accepted, "accepted"}, {c.Passed, "passed"}, {c.Dropped, "dropped"}, {c.Rejected, "rejected"}, {c.Depends, "depending on the tick"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// maxDoors is how many openings are listed in words.
const maxDoors = 500

// doors are the openings of a trace, in words.
func doors(t *Trace) []string {
	var all []string
	for _, l := range t.Lanes {
		for _, k := range l.Knocks {
			for _, b := range k.Bars {
				if b.Kind == KindOpen && len(all) < maxDoors {
					all = append(all, fmt.Sprintf("%s for %s, from %vs to %vs", k.Knock, l.Source, b.From, b.To))
				}
			}
		}
	}
	return all
}

// line is a line of a policy, and what in it no packet has met.
type line struct {
	Text   string
	Missed []string
}

func lines(p *Policy) []line {
	var all []line
	for text := range strings.Lines(p.Text) {
		all = append(all, line{Text: strings.TrimRight(text, "\r\n")})
	}
	for _, m := range p.Missed {
		if m.Line <= len(all) {
			all[m.Line-1].Missed = append(all[m.Line-1].Missed, m.Text)
		}
	}
	return all
}
