//go:build linux

package main

import (
	"io"
	"time"

	"example.org/knockc/live"
	"example.org/knockc/report"
)

// statusJSON is the status for programs. Times are in seconds; null is forever.
type statusJSON struct {
	Table     string            `json:"table"`
	Fragment  string            `json:"fragment,omitempty"`
	Policy    string            `json:"policy"`
	Loaded    string            `json:"loaded,omitempty"`  // when
	Wanted    string            `json:"wanted,omitempty"`  // the hash of the policy that was named
	Changed   string            `json:"changed,omitempty"` // what someone has changed by hand in it
	Dormant   bool              `json:"dormant,omitempty"`
	Unused    []string          `json:"unused,omitempty"`     // chains of the fragment to which nothing jumps
	Unfound   []string          `json:"unfound,omitempty"`    // knocks with open doors that the rules do not find
	TrialLeft *report.Seconds   `json:"trial_left,omitempty"` // how long the policy is still on trial
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
	LetIn     *uint64  `json:"let_in,omitempty"`
	Refused   *uint64  `json:"refused,omitempty"`
	Barred    *uint64  `json:"barred,omitempty"`
	Open      int      `json:"open"`
	Underway  int      `json:"under_way"`

	Codes *codesJSON `json:"codes,omitempty"`
}

type codesJSON struct {
	From  string          `json:"from,omitempty"`
	Until string          `json:"until,omitempty"`
	Left  *report.Seconds `json:"left,omitempty"`
	Stale bool            `json:"stale,omitempty"`
}

func newCodesJSON(c *live.CodesStatus) *codesJSON {
	if c == nil {
		return nil
	}
	j := &codesJSON{Stale: c.Stale}
	if c.Wait > 0 {
		j.From = c.Begins.UTC().Format(time.RFC3339)
	}
	if c.Ends.After(c.Begins) {
		left := report.Seconds(max(c.Left, 0))
		j.Until, j.Left = c.Ends.UTC().Format(time.RFC3339), &left
	}
	return j
}

type setJSON struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	Size     int    `json:"size"`
}

func (v *viewing) printJSON(w io.Writer, s *seen) error {
	o := statusJSON{
		Table: s.Table, Fragment: s.Fragment, Policy: s.Policy, Wanted: v.wanted, Changed: s.ChangedByHand, Dormant: s.Dormant, Unused: s.Unused, Unfound: s.Unfound,
		Knocks: []knockJSON{}, Standings: []report.Standing{}, Sets: []setJSON{},
	}
	if !s.Loaded.IsZero() {
		o.Loaded = s.Loaded.Format(time.RFC3339)
	}
	if s.trial != nil {
		left := report.Seconds(max(*s.trial, 0))
		o.TrialLeft = &left
	}
	for _, k := range s.Knocks {
		o.Knocks = append(o.Knocks, knockJSON{k.Name, append([]string{}, k.Steps...), append([]string{}, k.Services...), k.At, k.Close, k.StepsDone, k.Opened, k.LetIn, k.Refused, k.Barred, k.Open, k.Underway, newCodesJSON(k.Codes)})
	}
	for _, d := range s.Standings {
		o.Standings = append(o.Standings, report.NewStanding(d.Source, d.Symbol, d.Left))
	}
	for _, set := range s.Sets {
		o.Sets = append(o.Sets, setJSON(set))
	}
	return report.WriteIndentedJSON(w, o)
}
