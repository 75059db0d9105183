package lsp

import (
	"context"
	"fmt"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/report"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// options are how traces are replayed in the world.
func (w *world) options() session.Options {
	return session.Options{Open: w.openFile, OpenNamed: w.openFile, Expiries: true}
}

// reader reads the document from its beginning.
func (t *text) reader() *strings.Reader { return strings.NewReader(t.src) }

// failure is a line of a trace whose expectation does not hold; of a range, the first of
// its packets.
type failure struct {
	span   lang.Span
	reason string // what was wanted and what came
	why    string // "" if nobody knows
	more   int    // packets of the range with which it is the same
}

func (f failure) text() string {
	text := f.reason
	if f.why != "" {
		text += "\n" + f.why
	}
	if f.more > 0 {
		text += fmt.Sprintf("\nand so for %s more of the range", report.Count(f.more, "packet"))
	}
	return text
}

// maxFailures is how many failures of a trace are told.
const maxFailures = 100

// replays collects what traces do, for checks.
type replays struct {
	told   func(*session.Result, []failure)
	failed []failure
}

func (r *replays) Begin(*session.Trace) { r.failed = nil }

func (r *replays) Outcome(o replay.Outcome) {
	last := len(r.failed) - 1
	switch {
	case o.OK():
	case last >= 0 && r.failed[last].span == o.Event.Span:
		r.failed[last].more++
	case len(r.failed) < maxFailures:
		r.failed = append(r.failed, failure{o.Event.Span, report.Failure(o), o.Why, 0})
	}
}

func (r *replays) End(result *session.Result) {
	r.told(result, r.failed)
	r.failed = nil
}

func (r *replays) Close(*session.Summary) {}

// hinting says beside each visible packet of a trace what came of it.
func hinting(a asked, p rangeParams) ([]inlayHint, error) {
	d := a.of(p.TextDocument)
	if d == nil || !d.trace {
		return []inlayHint{}, nil
	}
	ctx, cancel := context.WithCancel(a.Context)
	defer cancel()
	h := &hints{text: d.text, first: p.Range.Start.Line, last: p.Range.End.Line, seen: cancel, all: []inlayHint{}}
	session.RunContext(ctx, []string{d.path}, a.world.options(), h)
	h.flush()
	return h.all, nil
}

// hints collects what the packets of some lines do.
type hints struct {
	text        *text
	first, last int
	seen        func() // called when all lines were
	all         []inlayHint

	line     int // of the trace, counted from 0; of what follows
	verdicts map[string]int
	order    []string
	moves    []string
	undone   []string // by time
}

func (h *hints) Begin(*session.Trace)   {}
func (h *hints) End(*session.Result)    {}
func (h *hints) Close(*session.Summary) {}

func (h *hints) Outcome(o replay.Outcome) {
	line := o.Event.Span.Start.Line - 1
	if line != h.line {
		h.flush()
		h.line = line
	}
	if line > h.last {
		h.seen()
		return
	}
	if line < h.first {
		return
	}
	for _, x := range o.Expired {
		h.undone = append(h.undone, report.ExpiryText(x))
	}
	verdict := o.Got.String()
	if o.Event.Expect != nil {
		verdict = "holds"
		if !o.OK() {
			verdict = "it is " + report.StateText(o.Got)
		}
	}
	if h.verdicts[verdict] == 0 {
		h.order = append(h.order, verdict)
	}
	if h.verdicts == nil {
		h.verdicts = map[string]int{}
	}
	h.verdicts[verdict]++
	for _, m := range o.Moves {
		h.moves = append(h.moves, m.Knock+" "+report.Moved(m))
	}
}

// maxMoves is how many moves of a range a hint has.
const maxMoves = 3

// flush makes the hint of a line.
func (h *hints) flush() {
	if len(h.order) == 0 {
		return
	}
	var parts []string
	for _, verdict := range h.order {
		if n := h.verdicts[verdict]; len(h.order) > 1 || n > 1 {
			verdict = fmt.Sprintf("%d %s", n, verdict)
		}
		parts = append(parts, verdict)
	}
	label := strings.Join(parts, ", ")
	if n := len(h.moves); n > maxMoves {
		h.moves = append(h.moves[:maxMoves], fmt.Sprintf("%d more", n-maxMoves))
	}
	if len(h.moves) > 0 {
		label += "  " + strings.Join(h.moves, ", ")
	}
	hint := inlayHint{Position: h.text.lineRange(h.line).End, Label: label, PaddingLeft: true}
	if len(h.undone) > 0 {
		hint.Tooltip = "before: " + strings.Join(h.undone, ", ")
	}
	h.all = append(h.all, hint)
	h.verdicts, h.order, h.moves, h.undone = nil, nil, nil, nil
}
