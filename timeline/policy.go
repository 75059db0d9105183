package timeline

import (
	"path/filepath"

	"example.org/knockc/lang"
	"example.org/knockc/sim/session"
)

func newPolicy(p *session.Policy) *Policy {
	d := &Policy{Name: filepath.Base(p.File), Text: p.Text, Knocks: Knocks(p.Result.Policy), Missed: []Miss{}}
	if p.Cover == nil {
		return d
	}
	d.Met, d.Of = p.Cover.Met(), len(p.Cover.Items)
	for _, i := range p.Cover.Items {
		if !i.Met {
			d.Missed = append(d.Missed, Miss{i.Span.Start.Line, i.Missed()})
		}
	}
	return d
}

// Knocks are the knocks of a policy as machines of states.
func Knocks(p *lang.Policy) []Knock {
	all := []Knock{}
	for _, k := range p.Knocks {
		d := Knock{
			Name: k.Name.Text, Steps: texts(k.Steps), Services: lang.List(k.Services)[1:], Within: lang.FormatDuration(k.Within),
			Grant: "forever", Once: k.Once, Close: texts(k.Close),
		}
		if k.Total != 0 {
			d.Total = lang.FormatDuration(k.Total)
		}
		if k.Grant != lang.Forever {
			d.Grant = lang.FormatDuration(k.Grant)
		}
		switch k.Reset.Mode {
		case lang.ResetKnown:
			d.Reset = "a wrong attempt at a step of some knock"
		case lang.ResetAny:
			d.Reset = "any wrong attempt"
		}
		all = append(all, d)
	}
	return all
}

func texts(steps []lang.Step) []string {
	all := []string{}
	for _, s := range steps {
		all = append(all, s.String())
	}
	return all
}
