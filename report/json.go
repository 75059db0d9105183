package report

import (
	"encoding/json"
	"io"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
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

// jsonOutcome is an outcome's object.
type jsonOutcome struct {
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line"`
	Time    Seconds `json:"t"`
	Expect  string  `json:"expect,omitempty"`
	Src     string  `json:"src"`
	SrcPort uint16  `json:"sport,omitempty"`
	Proto   string  `json:"proto,omitempty"`
	DstPort *uint16 `json:"dport,omitempty"`  // of all packets but pings
	Length  *uint16 `json:"length,omitempty"` // of a ping
	Flags   string  `json:"flags,omitempty"`  // of a TCP segment that is no SYN
	To      string  `json:"to,omitempty"`     // where a packet is addressed to, if not to the host
	Iface   string  `json:"iface,omitempty"`  // if the trace names it
	Verdict string  `json:"verdict,omitempty"`
	Pass    bool    `json:"pass,omitempty"` // it is accepted because no rule decides
	Want    any     `json:"want,omitempty"` // a number for `at N`
	Got     any     `json:"got,omitempty"`
	OK      *bool   `json:"ok,omitempty"`
	Why     string  `json:"why,omitempty"` // it is not ok
	Events  []any   `json:"events,omitempty"`
}

func (p *JSON) Begin(t *session.Trace) { p.file = t.Name }

func (p *JSON) Outcome(o replay.Outcome) {
	if p.State && o.OK() {
		return
	}
	j := jsonOutcome{File: p.name(p.file), Line: o.Event.Span.Start.Line, Time: Seconds(o.At), Why: o.Why}
	if o.Wanted() {
		ok := o.OK()
		j.Want, j.OK = jsonResult(o.Want), &ok
	}
	if x := o.Event.Expect; x != nil {
		j.Expect, j.Src, j.Got = x.Knock, x.Src.String(), jsonResult(o.Got)
	} else {
		j.packet(o)
	}
	for _, m := range o.Moves {
		j.Events = append(j.Events, jsonMove(m))
	}
	WriteJSON(p.Out, j)
}

// name is that of a file, if there are several.
func (p *JSON) name(file string) string {
	if !p.Several {
		return ""
	}
	return file
}

// packet fills in what is said of a packet.
func (j *jsonOutcome) packet(o replay.Outcome) {
	k := o.Event.Packet
	j.Src, j.SrcPort, j.Proto, j.Verdict = k.Src.String(), k.SrcPort, k.Proto.String(), o.Got.String()
	if o.Got.Verdict == trace.Pass {
		j.Verdict, j.Pass = string(trace.Accept), true
	}
	if k.To != nil {
		j.To = k.To.Addr.String()
	}
	if k.Proto != lang.Ping {
		j.DstPort = &o.DstPort
	}
	if k.On != nil {
		j.Iface = k.On.Text
	}
	if k.Ping != nil {
		j.Length = &k.Ping.Length
	}
	if k.Proto == lang.TCP && k.Flags != lang.SYN {
		if j.Flags = k.Flags.String(); k.Flags == 0 {
			j.Flags = "null"
		}
	}
}

// jsonResult is a result: for `at N` it is a number.
func jsonResult(r replay.Result) any {
	if r.IsStep {
		return r.Step
	}
	return r.String()
}

// jsonEvent is what a packet did to a knock, except that it opened a door.
type jsonEvent struct {
	Knock    string `json:"knock"`
	Sequence string `json:"sequence,omitempty"` // "close", or "" for the opening sequence
	Step     int    `json:"step,omitempty"`
	Of       int    `json:"of,omitempty"`
	Closed   bool   `json:"closed,omitempty"`
	Reset    bool   `json:"reset,omitempty"`
	Depends  bool   `json:"depends,omitempty"` // on the tick what it did
}

// jsonOpened says that a packet opened a door.
type jsonOpened struct {
	Knock     string   `json:"knock"`
	OpenUntil *Seconds `json:"open_until"` // null: forever
}

func jsonMove(m replay.Move) any {
	switch m.Kind {
	case replay.Opened:
		return jsonOpened{m.Knock, secondsOrNull(m.OpenUntil)}
	case replay.Closed:
		return jsonEvent{Knock: m.Knock, Closed: true}
	case replay.Reset:
		return jsonEvent{Knock: m.Knock, Reset: true}
	case replay.Uncertain:
		return jsonEvent{Knock: m.Knock, Depends: true}
	case replay.SteppedClose:
		return jsonEvent{Knock: m.Knock, Sequence: sequenceClose, Step: m.Step, Of: m.Of}
	}
	return jsonEvent{Knock: m.Knock, Step: m.Step, Of: m.Of}
}

func (p *JSON) End(r *session.Result) {
	if r.Stats != nil && r.State == nil {
		p.stats(r)
	}
	for _, s := range r.Standings {
		p.standing(r, s)
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

func (p *JSON) standing(r *session.Result, s replay.Standing) {
	left := s.Until
	if left != sim.Never {
		left -= *r.State
	}
	WriteJSON(p.Out, jsonStanding{p.name(r.Name), Seconds(*r.State), NewStanding(s.Source, s.Symbol, left), secondsOrNull(s.Until), s.Depends})
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
