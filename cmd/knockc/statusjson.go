package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"knockc/lang"
	"knockc/live"
)

// statusJSON is the status for programs. Times are in seconds; null is for ever.
type statusJSON struct {
	Table     string         `json:"table"`
	Policy    string         `json:"policy"`
	Wanted    string         `json:"wanted,omitempty"` // the hash of the policy that was named
	Knocks    []knockJSON    `json:"knocks"`
	Standings []standingJSON `json:"sources"`
	Sets      []setJSON      `json:"sets"`
}

type knockJSON struct {
	Name      string   `json:"name"`
	Steps     []string `json:"steps"`
	Services  []string `json:"services"`
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
	o := statusJSON{s.Table, s.Policy, v.wanted, []knockJSON{}, []standingJSON{}, []setJSON{}}
	for _, k := range s.Knocks {
		o.Knocks = append(o.Knocks, knockJSON{k.Name, k.Steps, k.Services, k.Close, k.StepsDone, k.Opened, k.Open, k.Underway})
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

// printMetrics prints the text format of Prometheus. There is nothing in it about
// single sources: they are too many, and nobody else's business.
func (v *viewing) printMetrics(w io.Writer, s *live.Status) {
	metric := func(name, kind, help string, values func(value func(n uint64, labels ...string))) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		values(func(n uint64, labels ...string) {
			var pairs []string
			for i := 0; i+1 < len(labels); i += 2 {
				pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
			}
			fmt.Fprintf(w, "%s{%s} %d\n", name, strings.Join(pairs, ","), n)
		})
	}
	eachKnock := func(of func(live.KnockStatus) uint64) func(func(uint64, ...string)) {
		return func(value func(uint64, ...string)) {
			for _, k := range s.Knocks {
				value(of(k), "table", s.Table, "knock", k.Name)
			}
		}
	}
	eachSet := func(of func(live.SetStatus) int) func(func(uint64, ...string)) {
		return func(value func(uint64, ...string)) {
			for _, set := range s.Sets {
				value(uint64(of(set)), "table", s.Table, "set", set.Name)
			}
		}
	}
	metric("knockc_policy_info", "gauge", "The policy that is loaded.", func(value func(uint64, ...string)) {
		value(1, "table", s.Table, "policy", s.Policy)
	})
	if v.wanted != "" {
		metric("knockc_policy_current", "gauge", "Whether the policy in the file is the one that is loaded.", func(value func(uint64, ...string)) {
			current := uint64(1)
			if v.differs(s) {
				current = 0
			}
			value(current, "table", s.Table)
		})
	}
	metric("knockc_steps_total", "counter", "Packets that did a step of a knock, but for the one that opens.", eachKnock(func(k live.KnockStatus) uint64 { return k.StepsDone }))
	metric("knockc_opened_total", "counter", "Packets that opened a door or kept it open.", eachKnock(func(k live.KnockStatus) uint64 { return k.Opened }))
	metric("knockc_open_doors", "gauge", "Sources for which the door is open.", eachKnock(func(k live.KnockStatus) uint64 { return uint64(k.Open) }))
	metric("knockc_sources_under_way", "gauge", "Sources that have done a step.", eachKnock(func(k live.KnockStatus) uint64 { return uint64(k.Underway) }))
	metric("knockc_set_elements", "gauge", "Elements that live in a set.", eachSet(func(s live.SetStatus) int { return s.Elements }))
	metric("knockc_set_size", "gauge", "Elements that a set has room for.", eachSet(func(s live.SetStatus) int { return s.Size }))
}
