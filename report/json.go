package report

import (
	"encoding/json"
	"io"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// JSON prints outcomes for programs: one object per line. Its keys are in spec/json.md.
type JSON struct {
	Out     io.Writer
	Several bool // traces: each object names its file
	State   bool // only outcomes that failed
	Top     int  // how many sources of each list are shown

	file string
	line object // of the latest outcome
}

// Seconds is a number of seconds, exact to the nanosecond.
type Seconds time.Duration

func (s Seconds) MarshalJSON() ([]byte, error) {
	return []byte(lang.FormatSeconds(time.Duration(s))), nil
}

// secondsOrNull is nil for what never comes.
func secondsOrNull(d time.Duration) *Seconds {
	if d == sim.Never {
		return nil
	}
	return (*Seconds)(&d)
}

func (p *JSON) Begin(t *session.Trace) { p.file = t.Name }

// name is that of a file, if there are several.
func (p *JSON) name(file string) string {
	if !p.Several {
		return ""
	}
	return file
}

func (p *JSON) End(r *session.Result) {
	if r.Stats != nil && !p.State {
		p.stats(r)
	}
	for _, state := range r.States {
		for _, s := range state.Standings {
			p.standing(r.Name, state.At, s)
		}
	}
}

// jsonStats is what became of the records of a capture.
type jsonStats struct {
	File     string         `json:"file,omitempty"`
	Recorded int            `json:"recorded"`
	ToHost   int            `json:"to_host"`
	FromHost int            `json:"from_host"`
	ToAt     int            `json:"to_at,omitempty"` // to addresses that the policy has by `at`
	FromAt   int            `json:"from_at,omitempty"`
	LeftOut  map[string]int `json:"left_out"` // by the key of the reason

	BrokenHeaders int `json:"broken_headers,omitempty"` // of TCP
	Incomplete    int `json:"incomplete,omitempty"`     // datagrams
	OutOfOrder    int `json:"out_of_order,omitempty"`
}

func (p *JSON) stats(r *session.Result) {
	stats := r.Stats
	j := jsonStats{
		File: p.name(r.Name), Recorded: stats.Records, ToHost: stats.ToHost, FromHost: stats.FromHost, ToAt: stats.ToAt, FromAt: stats.FromAt,
		LeftOut: map[string]int{}, BrokenHeaders: stats.Short, Incomplete: stats.Incomplete, OutOfOrder: stats.Backwards,
	}
	for reason, n := range stats.LeftOut {
		if n > 0 {
			j.LeftOut[capture.Reason(reason).Key()] = n
		}
	}
	WriteJSON(p.Out, j)
}

// jsonStanding is where a source stands at a time of a trace.
type jsonStanding struct {
	File  string  `json:"file,omitempty"`
	State Seconds `json:"state"` // when
	Standing
	Until   *Seconds `json:"until"`             // the same as a time of the trace
	Depends bool     `json:"depends,omitempty"` // on the tick
}

func (p *JSON) standing(file string, at time.Duration, s replay.Standing) {
	left := s.Until
	if left != sim.Never {
		left -= at
	}
	WriteJSON(p.Out, jsonStanding{p.name(file), Seconds(at), NewStanding(s.Source, s.Symbol, left), secondsOrNull(s.Until), s.Depends})
}

func (p *JSON) Close(s *session.Summary) {
	if s.Top != nil {
		p.tops(s.Top)
	}
	for _, policy := range covered(s) {
		p.cover(policy, s.MinCover)
	}
}

// jsonTop is a source that comes up often.
type jsonTop struct {
	Top   string `json:"top"` // by what
	Src   string `json:"src"`
	N     int    `json:"n"`
	Short int    `json:"short,omitempty"` // by how much n may be too low
}

func (p *JSON) tops(t *replay.Top) {
	for _, list := range tallies(t) {
		for _, c := range list.First(p.Top) {
			WriteJSON(p.Out, jsonTop{list.name, c.Source.String(), c.N, list.Short})
		}
	}
}

// jsonCovered is a policy's cover.
type jsonCovered struct {
	Cover   string       `json:"cover"` // the policy
	Met     int          `json:"met"`
	Of      int          `json:"of"`
	Percent json.Number  `json:"percent"`
	Missed  []jsonMissed `json:"missed"`
	Rules   jsonRules    `json:"rules"`
	OK      *bool        `json:"ok,omitempty"` // if there is a least percentage
}

type jsonMissed struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
}

type jsonRules struct {
	Ran    int              `json:"ran"`
	Of     int              `json:"of"`
	Missed map[string][]int `json:"missed"` // by chain, counted from 1
}

func (p *JSON) cover(policy *session.Policy, wanted *float64) {
	c := policy.Cover
	j := jsonCovered{Cover: policy.File, Met: c.Met(), Of: len(c.Items), Percent: json.Number(percent(c.Percent())), Missed: []jsonMissed{}}
	for _, i := range c.Items {
		if !i.Met {
			j.Missed = append(j.Missed, jsonMissed{i.Span.Start.Line, i.Span.Start.Column, i.Missed()})
		}
	}
	j.Rules.Of, j.Rules.Missed = c.Rules()
	j.Rules.Ran = j.Rules.Of - count(j.Rules.Missed)
	if wanted != nil {
		ok := policy.MetEnough(wanted)
		j.OK = &ok
	}
	WriteJSON(p.Out, j)
}
