package timeline

import (
	"math"
	"time"

	"example.org/knockc/sim"
)

// Report is what there is to draw of several replays. It is given to the drawing as JSON.
type Report struct {
	Traces   []*Trace  `json:"traces"`
	Policies []*Policy `json:"policies"`
}

// Trace is a trace or a capture that was replayed.
type Trace struct {
	Name     string    `json:"name"`
	Policy   string    `json:"policy"` // the name of its file
	Passed   bool      `json:"passed"`
	Errors   []string  `json:"errors"` // why it was not replayed to its end
	Counts   Counts    `json:"counts"`
	Held     int       `json:"held"`
	Failed   int       `json:"failed"`
	End      Seconds   `json:"end"` // of the last packet, or of what it has opened
	Lanes    []*Lane   `json:"lanes"`
	Others   *Others   `json:"others"` // the sources without a lane; nil: all have one
	Failures []Failure `json:"failures"`
}

// Counts are numbers of packets by what came of them.
type Counts struct {
	Accepted int `json:"accepted"`
	Passed   int `json:"passed"`
	Dropped  int `json:"dropped"`
	Rejected int `json:"rejected"`
	Depends  int `json:"depends"` // on the tick
}

// Packets is how many there are.
func (c Counts) Packets() int {
	return c.Accepted + c.Passed + c.Dropped + c.Rejected + c.Depends
}

// Lane is what is known of a source.
type Lane struct {
	Source string   `json:"source"`
	Counts Counts   `json:"counts"`
	Ticks  []Tick   `json:"ticks"`           // its packets
	Sums   *Sums    `json:"sums,omitempty"`  // instead of ticks, if there are many packets
	Knocks []*Track `json:"knocks"`          // those that it has moved
	Flags  []Flag   `json:"flags,omitempty"` // its expectations
}

// Tick is a packet.
type Tick struct {
	At      Seconds `json:"t"`
	Verdict string  `json:"v"`
	To      string  `json:"to"` // as written in a trace
	Line    int     `json:"line"`
	Moves   string  `json:"moves,omitempty"`
}

// Flag is an expectation.
type Flag struct {
	At   Seconds `json:"t"`
	Line int     `json:"line"`
	Text string  `json:"text"`
	OK   bool    `json:"ok"`
}

// Track is how far a source has got with a knock over time.
type Track struct {
	Knock string `json:"knock"`
	Bars  []*Bar `json:"bars"`
}

// Bar is a time in which a source has progress, or an open door.
type Bar struct {
	From  Seconds  `json:"from"`
	To    Seconds  `json:"to"`    // when it really ended
	Until *Seconds `json:"until"` // when it would have ended by itself; null: never
	Kind  string   `json:"kind"`  // "step", "close" or "open"
	Step  int      `json:"step,omitempty"`
	Of    int      `json:"of,omitempty"`
	Why   string   `json:"why"` // what ended it, in a word

	ends time.Duration
}

// Kinds of bars.
const (
	KindStep  = "step"  // of the opening sequence
	KindClose = "close" // a step of the closing sequence
	KindOpen  = "open"
)

// Others are the sources that have no lane of their own.
type Others struct {
	Sources int    `json:"sources"`
	Counts  Counts `json:"counts"`
	Sums    *Sums  `json:"sums"`
}

// Failure is an expectation that did not hold.
type Failure struct {
	At   Seconds `json:"t"`
	Line int     `json:"line"`
	Text string  `json:"text"`
	Why  string  `json:"why"`
}

// Policy is the text of a policy, its knocks, and what no packet has met.
type Policy struct {
	Name   string  `json:"name"`
	Text   string  `json:"text"`
	Knocks []Knock `json:"knocks"`
	Missed []Miss  `json:"missed"`
	Met    int     `json:"met"`
	Of     int     `json:"of"` // items that packets can meet; 0: it is not known what was met
}

// Knock is a knock as a machine of states.
type Knock struct {
	Name     string   `json:"name"`
	Steps    []string `json:"steps"`
	Services string   `json:"services"`
	Within   string   `json:"within"`
	Total    string   `json:"total,omitempty"`
	Grant    string   `json:"grant"`
	Once     bool     `json:"once"`
	Reset    string   `json:"reset,omitempty"`
	Close    []string `json:"close,omitempty"`
}

// Miss is an item of a policy that no packet has met.
type Miss struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Seconds is a time since the start of a trace.
type Seconds float64

func seconds(d time.Duration) Seconds { return Seconds(math.Round(d.Seconds()*1e9) / 1e9) }

// secondsOrNil is nil for what never ends.
func secondsOrNil(d time.Duration) *Seconds {
	if d == sim.Never {
		return nil
	}
	s := seconds(d)
	return &s
}
