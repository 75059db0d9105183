//go:build linux

package main

import (
	"io"

	"example.org/knockc/live"
	"example.org/knockc/report"
)

// statusJSON is the status for programs. Times are in seconds; null is forever.
type statusJSON struct {
	Table     string            `json:"table"`
	Policy    string            `json:"policy"`
	Wanted    string            `json:"wanted,omitempty"`  // the hash of the policy that was named
	Changed   string            `json:"changed,omitempty"` // what someone has changed by hand in it
	Knocks    []knockJSON       `json:"knocks"`
	Standings []report.Standing `json:"sources"`
	Sets      []setJSON         `json:"sets"`
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

type setJSON struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	Size     int    `json:"size"`
}

func (v *viewing) printJSON(w io.Writer, s *live.Status) error {
	o := statusJSON{s.Table, s.Policy, v.wanted, s.ChangedByHand, []knockJSON{}, []report.Standing{}, []setJSON{}}
	for _, k := range s.Knocks {
		o.Knocks = append(o.Knocks, knockJSON{k.Name, append([]string{}, k.Steps...), append([]string{}, k.Services...), k.At, k.Close, k.StepsDone, k.Opened, k.Open, k.Underway})
	}
	for _, d := range s.Standings {
		o.Standings = append(o.Standings, report.NewStanding(d.Source, d.Symbol, d.Left))
	}
	for _, set := range s.Sets {
		o.Sets = append(o.Sets, setJSON(set))
	}
	return report.WriteIndentedJSON(w, o)
}
