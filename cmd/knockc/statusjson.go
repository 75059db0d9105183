package main

import (
	"encoding/json"
	"io"

	"knockc/lang"
	"knockc/live"
)

// statusJSON is the status for programs. Times are in seconds; null is for ever.
type statusJSON struct {
	Table     string         `json:"table"`
	Policy    string         `json:"policy"`
	Wanted    string         `json:"wanted,omitempty"`  // the hash of the policy that was named
	Changed   string         `json:"changed,omitempty"` // what someone has changed by hand in it
	Knocks    []knockJSON    `json:"knocks"`
	Standings []standingJSON `json:"sources"`
	Sets      []setJSON      `json:"sets"`
}

type knockJSON struct {
	Name      string   `json:"name"`
	Steps     []string `json:"steps"`
	Services  []string `json:"services"`
	At        []string `json:"at,omitempty"`
	Close     []string `json:"close,omitempty"`
	StepsDone uint64   `json:"steps_done"`
	Opened    uint64   `json:"opened"`
	Open      int      `json:"open"`
	Underway  int      `json:"under_way"`
}

type standingJSON struct {
	Source  string   `json:"source"`
	Knock   string   `json:"knock"`
	Open    bool     `json:"open"`
	Step    int      `json:"step,omitempty"`
	Of      int      `json:"of,omitempty"`
	Closing bool     `json:"closing,omitempty"`
	Left    *float64 `json:"left"`
}

type setJSON struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	Size     int    `json:"size"`
}

func (v *viewing) printJSON(w io.Writer, s *live.Status) error {
	o := statusJSON{s.Table, s.Policy, v.wanted, v.changed, []knockJSON{}, []standingJSON{}, []setJSON{}}
	for _, k := range s.Knocks {
		o.Knocks = append(o.Knocks, knockJSON{k.Name, append([]string{}, k.Steps...), append([]string{}, k.Services...), k.At, k.Close, k.StepsDone, k.Opened, k.Open, k.Underway})
	}
	for _, d := range s.Standings {
		line := standingJSON{sourceText(d.Source), d.Knock, d.Open, d.Step, d.Of, d.Closing, nil}
		if d.Left != lang.Forever {
			left := d.Left.Seconds()
			line.Left = &left
		}
		o.Standings = append(o.Standings, line)
	}
	for _, set := range s.Sets {
		o.Sets = append(o.Sets, setJSON(set))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(o)
}
