package main

import (
	"bufio"
	"encoding/json"
	"time"

	"knockc/lang"
	"knockc/lang/trace"
	"knockc/sim"
	"knockc/sim/replay"
)

// jsonPrinter shows outcomes to programs: one JSON object a line.
type jsonPrinter struct {
	out     *bufio.Writer
	file    string
	several bool

	failuresOnly bool
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
	DstPort *uint16     `json:"dport,omitempty"`  // of all packets but pings
	Length  *uint16     `json:"length,omitempty"` // of a ping
	Flags   string      `json:"flags,omitempty"`  // of a TCP segment that is no SYN
	To      string      `json:"to,omitempty"`     // where a packet is addressed to, if not to the host
	Iface   string      `json:"iface,omitempty"`  // if the trace names it
	Verdict string      `json:"verdict,omitempty"`
	Pass    bool        `json:"pass,omitempty"` // it is accepted because no rule decides
	Want    any         `json:"want,omitempty"` // a number for `at N`
	Got     any         `json:"got,omitempty"`
	OK      *bool       `json:"ok,omitempty"`
	Why     string      `json:"why,omitempty"` // it is not ok
	Events  []any       `json:"events,omitempty"`
}

// jsonEvent is what a packet did to a knock, except that it opened a door.
type jsonEvent struct {
	Knock    string `json:"knock"`
	Sequence string `json:"sequence,omitempty"` // "close", or that of the steps
	Step     int    `json:"step,omitempty"`
	Of       int    `json:"of,omitempty"`
	Closed   bool   `json:"closed,omitempty"`
	Reset    bool   `json:"reset,omitempty"`
	Depends  bool   `json:"depends,omitempty"` // on the tick what it did
}

// jsonSeconds is a number of seconds, exact to the nanosecond.
type jsonSeconds time.Duration

func (s jsonSeconds) MarshalJSON() ([]byte, error) {
	return []byte(lang.FormatSeconds(time.Duration(s))), nil
}

func (p *jsonPrinter) begin(widths) {}
func (p *jsonPrinter) end()         {}

func (p *jsonPrinter) outcome(o replay.Outcome) {
	if p.failuresOnly && o.OK() {
		return
	}
	j := jsonOutcome{Line: o.Event.Span.Start.Line, Time: jsonSeconds(o.At), Why: o.Why}
	if p.several {
		j.File = p.file
	}
	if o.Want != "" {
		ok := o.OK()
		j.Want, j.OK = jsonState(o, o.Want), &ok
	}
	if x := o.Event.Expect; x != nil {
		j.Expect, j.Src, j.Got = x.Knock, x.Src.String(), jsonState(o, o.Got)
	} else {
		j.packet(o)
	}
	for _, m := range o.Moves {
		j.Events = append(j.Events, jsonMove(m))
	}
	writeJSON(p.out, j)
}

// packet fills in what is said of a packet.
func (j *jsonOutcome) packet(o replay.Outcome) {
	k := o.Event.Packet
	j.Src, j.SrcPort, j.Proto, j.Verdict = k.Src.String(), k.SrcPort, k.Proto.String(), o.Got
	if o.Got == string(trace.Pass) {
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

// jsonState is a state that is wanted or got: for `at N` it is a number.
func jsonState(o replay.Outcome, state string) any {
	if x := o.Event.Expect; x != nil && x.At != nil && state != replay.Depends {
		return json.Number(state)
	}
	return state
}

func jsonMove(m replay.Move) any {
	switch m.Kind {
	case replay.Opened:
		until := (*jsonSeconds)(&m.OpenUntil)
		if m.OpenUntil == sim.Never {
			until = nil
		}
		return struct {
			Knock     string       `json:"knock"`
			OpenUntil *jsonSeconds `json:"open_until"`
		}{m.Knock, until}
	case replay.Closed:
		return jsonEvent{Knock: m.Knock, Closed: true}
	case replay.Reset:
		return jsonEvent{Knock: m.Knock, Reset: true}
	case replay.Uncertain:
		return jsonEvent{Knock: m.Knock, Depends: true}
	case replay.SteppedClose:
		return jsonEvent{Knock: m.Knock, Sequence: "close", Step: m.Step, Of: m.Of}
	}
	return jsonEvent{Knock: m.Knock, Step: m.Step, Of: m.Of}
}
