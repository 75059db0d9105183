package main

import (
	"bufio"
	"encoding/json"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim/replay"
)

// jsonPrinter shows outcomes to programs: one JSON object a line.
type jsonPrinter struct {
	out     *bufio.Writer
	file    string
	several bool
}

// jsonOutcome is an outcome's JSON object.
type jsonOutcome struct {
	File    string      `json:"file,omitempty"`
	Line    int         `json:"line"`
	Time    jsonSeconds `json:"t"`
	Expect  string      `json:"expect,omitempty"`
	Src     string      `json:"src"`
	SrcPort uint16      `json:"sport,omitempty"`
	Proto   string      `json:"proto,omitempty"`
	DstPort uint16      `json:"dport,omitempty"`
	Flags   string      `json:"flags,omitempty"` // of a TCP segment that is no SYN
	Verdict string      `json:"verdict,omitempty"`
	Want    string      `json:"want,omitempty"`
	Got     string      `json:"got,omitempty"`
	OK      *bool       `json:"ok,omitempty"`
	Events  []jsonEvent `json:"events,omitempty"`
}

// jsonEvent is what a packet did to a knock.
type jsonEvent struct {
	Knock     string       `json:"knock"`
	Step      int          `json:"step,omitempty"`
	Of        int          `json:"of,omitempty"`
	OpenUntil *jsonSeconds `json:"open_until,omitempty"`
}

// jsonSeconds is a number of seconds, exact to the nanosecond.
type jsonSeconds time.Duration

func (s jsonSeconds) MarshalJSON() ([]byte, error) {
	return []byte(lang.FormatSeconds(time.Duration(s))), nil
}

func (p *jsonPrinter) begin(*trace.Trace) {}
func (p *jsonPrinter) end()               {}

func (p *jsonPrinter) outcome(o replay.Outcome) {
	j := jsonOutcome{Line: o.Event.Span.Start.Line, Time: jsonSeconds(o.Event.At), Want: o.Want}
	if p.several {
		j.File = p.file
	}
	if o.Want != "" {
		ok := o.OK()
		j.OK = &ok
	}
	if x := o.Event.Expect; x != nil {
		j.Expect, j.Src, j.Got = x.Knock, x.Src.String(), o.Got
	} else {
		k := o.Event.Packet
		j.Src, j.SrcPort, j.Proto, j.DstPort, j.Verdict = k.Src.String(), k.SrcPort, k.Proto.String(), k.DstPort, o.Got
	}
	if k := o.Event.Packet; k != nil && k.Proto == lang.TCP && k.Flags != lang.SYN {
		if j.Flags = k.Flags.String(); k.Flags == 0 {
			j.Flags = "null"
		}
	}
	for _, m := range o.Moves {
		j.Events = append(j.Events, jsonMove(m))
	}
	json.NewEncoder(p.out).Encode(j)
}

func jsonMove(m replay.Move) jsonEvent {
	if m.Opened() {
		until := jsonSeconds(m.OpenUntil)
		return jsonEvent{Knock: m.Knock, OpenUntil: &until}
	}
	return jsonEvent{Knock: m.Knock, Step: m.Step, Of: m.Of}
}
