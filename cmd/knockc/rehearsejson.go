//go:build linux

package main

import (
	"io"

	"example.org/knockc/live/rehearse"
	"example.org/knockc/report"
)

// checkedJSON is a check for programs. What is not judged is null.
type checkedJSON struct {
	Knock   string    `json:"knock"`
	Service string    `json:"service"`
	Family  string    `json:"family"`
	Check   string    `json:"check"`
	OK      *bool     `json:"ok"`
	Why     string    `json:"why,omitempty"`
	By      *ruleJSON `json:"by,omitempty"`
	Hint    string    `json:"hint,omitempty"`
}

type ruleJSON struct {
	Table string `json:"table"`
	Chain string `json:"chain"`
	Rule  string `json:"rule"`
}

// noteJSON is what a rehearsal has found besides.
type noteJSON struct {
	Note string `json:"note"`
	OK   *bool  `json:"ok"` // false: the policy does not work so; null: something was not judged; true: advice
}

func printRehearsalJSON(w io.Writer, r *rehearse.Report) error {
	yes, no := true, false
	var objects []any
	for _, c := range r.Checks {
		o := checkedJSON{c.Knock, c.Service.String(), familyText(c.Family), c.Asks.String(), nil, c.Why, nil, c.Hint}
		switch c.Answer {
		case rehearse.Good:
			o.OK = &yes
		case rehearse.Bad:
			o.OK = &no
		}
		if c.By != nil {
			o.By = &ruleJSON{c.By.Table, c.By.Chain, c.By.Rule}
		}
		objects = append(objects, o)
	}
	for _, lost := range r.Lost {
		objects = append(objects, noteJSON{lost, nil})
	}
	if r.Untried > 0 {
		objects = append(objects, noteJSON{untriedText(r), nil})
	}
	for _, i := range r.Missing {
		objects = append(objects, noteJSON{missingText(i, r.Interfaces), &no})
	}
	for _, used := range r.InUse {
		objects = append(objects, noteJSON{used, nil})
	}
	for _, advice := range r.Advice {
		objects = append(objects, noteJSON{advice, &yes})
	}
	for _, o := range objects {
		if err := report.WriteJSON(w, o); err != nil {
			return err
		}
	}
	return nil
}
