package report

import (
	"fmt"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// Beside collects what an editor shows beside the lines of a trace: what their packets did.
type Beside struct {
	First, Last int    // lines, counted from 1
	Past        func() // called at each outcome of a later line; may be nil
	Lines       []LineOutcome

	line     int // that of what follows
	verdicts map[string]int
	order    []string
	moves    []string
	undone   []string // by time
}

// LineOutcome is what the packets of a line did.
type LineOutcome struct {
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Before string `json:"before,omitempty"` // what time had undone
}

func (b *Beside) Begin(*session.Trace)   {}
func (b *Beside) Close(*session.Summary) {}
func (b *Beside) End(*session.Result)    { b.flush() }

func (b *Beside) Outcome(o replay.Outcome) {
	line := o.Event.Span.Start.Line
	if line != b.line {
		b.flush()
		b.line = line
	}
	if line > b.Last && b.Past != nil {
		b.Past()
	}
	if line < b.First || line > b.Last {
		return
	}
	for _, x := range o.Expired {
		b.undone = append(b.undone, ExpiryText(x))
	}
	verdict := o.Got.String()
	if o.Event.Expect != nil {
		verdict = "holds"
		if !o.OK() {
			verdict = "it is " + StateText(o.Got)
		}
	}
	if b.verdicts[verdict] == 0 {
		b.order = append(b.order, verdict)
	}
	if b.verdicts == nil {
		b.verdicts = map[string]int{}
	}
	b.verdicts[verdict]++
	for _, m := range o.Moves {
		b.moves = append(b.moves, m.Knock+" "+Moved(m))
	}
}

// maxMoves is how many moves of a range are told.
const maxMoves = 3

// flush tells of a line.
func (b *Beside) flush() {
	if len(b.order) == 0 {
		return
	}
	var parts []string
	for _, verdict := range b.order {
		if n := b.verdicts[verdict]; len(b.order) > 1 || n > 1 {
			verdict = fmt.Sprintf("%d %s", n, verdict)
		}
		parts = append(parts, verdict)
	}
	text := strings.Join(parts, ", ")
	if n := len(b.moves); n > maxMoves {
		b.moves = append(b.moves[:maxMoves], fmt.Sprintf("%d more", n-maxMoves))
	}
	if len(b.moves) > 0 {
		text += "  " + strings.Join(b.moves, ", ")
	}
	l := LineOutcome{Line: b.line, Text: text}
	if n := len(b.undone); n > maxMoves {
		b.undone = append(b.undone[:maxMoves], fmt.Sprintf("%d more", n-maxMoves))
	}
	if len(b.undone) > 0 {
		l.Before = "before: " + strings.Join(b.undone, ", ")
	}
	b.Lines = append(b.Lines, l)
	b.verdicts, b.order, b.moves, b.undone = nil, nil, nil, nil
}

// Failures collects the lines of a trace whose expectations do not hold.
type Failures struct{ Lines []LineFailure }

// LineFailure is a line whose expectation does not hold; of a range, the first of its
// packets.
type LineFailure struct {
	Span   lang.Span
	reason string // what was wanted and what came
	why    string // "" if nobody knows
	more   int    // packets of the range with which it is the same
}

// Text says what was wanted, what came, and why.
func (f LineFailure) Text() string {
	text := f.reason
	if f.why != "" {
		text += "\n" + f.why
	}
	if f.more > 0 {
		text += fmt.Sprintf("\nand so for %s more of the range", Count(f.more, "packet"))
	}
	return text
}

// maxFailures is how many failures of a trace are told.
const maxFailures = 100

func (r *Failures) Begin(*session.Trace)   { r.Lines = nil }
func (r *Failures) End(*session.Result)    {}
func (r *Failures) Close(*session.Summary) {}

func (r *Failures) Outcome(o replay.Outcome) {
	last := len(r.Lines) - 1
	switch {
	case o.OK():
	case last >= 0 && r.Lines[last].Span == o.Event.Span:
		r.Lines[last].more++
	case len(r.Lines) < maxFailures:
		r.Lines = append(r.Lines, LineFailure{o.Event.Span, Failure(o), o.Why, 0})
	}
}
