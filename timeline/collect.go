package timeline

import (
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/report"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// Collector is a reporter that collects what there is to draw. Its outcomes need
// [session.Options.Expiries].
type Collector struct {
	FailedOnly bool // only traces that failed, and of these the sources that did
	Report     Report

	trace *collected
}

// Limits keep the drawing of a long replay small. What is beyond is summed up.
const (
	maxLanes    = 100
	plainLanes  = 30    // sources that have a lane although they move nothing
	maxTicks    = 10000 // of all lanes
	maxLaneTick = 2000
	maxBars     = 5000
	maxFlags    = 500
)

// collected is a trace that is being collected.
type collected struct {
	*Trace
	lanes   map[netip.Addr]*lane
	others  map[netip.Addr]bool
	last    time.Duration
	ticks   int
	bars    int
	flags   int
	failing map[*Lane]bool
}

// lane is a lane that is being collected.
type lane struct {
	*Lane
	sums   Sums
	tracks map[string]*track
}

// track is the track of a knock, with the bars that have not ended.
type track struct {
	*Track
	live map[string]*Bar // by kind
}

func (c *Collector) Begin(t *session.Trace) {
	c.trace = &collected{
		Trace: &Trace{Name: t.Name, Errors: []string{}, Lanes: []*Lane{}, Failures: []Failure{}},
		lanes: map[netip.Addr]*lane{}, others: map[netip.Addr]bool{}, failing: map[*Lane]bool{},
	}
}

func (c *Collector) Outcome(o replay.Outcome) {
	t := c.trace
	t.last = o.At
	for _, x := range o.Expired {
		t.expired(x)
	}
	if o.Event.Expect != nil {
		t.expectation(o)
	} else {
		t.packet(o)
	}
	if !o.OK() && len(t.Failures) < maxFlags {
		t.Failures = append(t.Failures, Failure{seconds(o.At), o.Event.Span.Start.Line, report.Failure(o), o.Why})
	}
}

// lane is that of a source; nil if it has none. Whoever moves a knock gets one sooner.
func (t *collected) lane(src netip.Addr, moves bool) *lane {
	if l := t.lanes[src]; l != nil {
		return l
	}
	most := plainLanes
	if moves {
		most = maxLanes
	}
	if len(t.lanes) >= most || t.others[src] && !moves {
		return nil
	}
	l := &lane{Lane: &Lane{Source: src.String(), Ticks: []Tick{}, Knocks: []*Track{}}, tracks: map[string]*track{}}
	t.lanes[src] = l
	t.Lanes = append(t.Lanes, l.Lane)
	return l
}

func (t *collected) packet(o replay.Outcome) {
	t.Counts.add(o.Got)
	src := o.Event.Packet.Src
	l := t.lane(src, len(o.Moves) > 0)
	if l == nil {
		t.other(src, o)
		return
	}
	l.Counts.add(o.Got)
	l.sums.add(o.At, o.Got)
	if !o.OK() {
		t.failing[l.Lane] = true
		t.flag(l, o, report.Failure(o))
	}
	moves := make([]string, 0, len(o.Moves))
	for _, m := range o.Moves {
		moves = append(moves, m.Knock+" "+report.Moved(m))
		t.moved(l, o.At, m)
	}
	switch {
	case l.Sums != nil:
	case len(l.Ticks) >= maxLaneTick || t.ticks >= maxTicks:
		t.ticks -= len(l.Ticks)
		l.Ticks, l.Sums = []Tick{}, &l.sums
	default:
		t.ticks++
		to := string(o.Event.Packet.AppendDestination(nil, o.DstPort))
		l.Ticks = append(l.Ticks, Tick{seconds(o.At), o.Got.String(), to, o.Event.Span.Start.Line, strings.Join(moves, ", ")})
	}
}

// other counts a packet of a source without a lane.
func (t *collected) other(src netip.Addr, o replay.Outcome) {
	if t.Others == nil {
		t.Others = &Others{Sums: &Sums{}}
	}
	const remembered = 1 << 16
	if !t.others[src] && len(t.others) < remembered {
		t.others[src] = true
		t.Others.Sources++
	}
	t.Others.Counts.add(o.Got)
	t.Others.Sums.add(o.At, o.Got)
}

func (t *collected) expectation(o replay.Outcome) {
	x := o.Event.Expect
	l := t.lane(x.Src, true)
	if l == nil {
		return
	}
	if !o.OK() {
		t.failing[l.Lane] = true
	}
	text := x.Knock + " " + report.StateText(o.Want)
	if !o.OK() {
		text = report.Failure(o)
	}
	t.flag(l, o, text)
}

// flag marks an expectation, or a packet that failed.
func (t *collected) flag(l *lane, o replay.Outcome, text string) {
	if t.flags >= maxFlags {
		return
	}
	t.flags++
	l.Flags = append(l.Flags, Flag{seconds(o.At), o.Event.Span.Start.Line, text, o.OK()})
}

// track is that of a knock in a lane.
func (l *lane) track(knock string) *track {
	tr := l.tracks[knock]
	if tr == nil {
		tr = &track{&Track{Knock: knock, Bars: []*Bar{}}, map[string]*Bar{}}
		l.tracks[knock] = tr
		l.Knocks = append(l.Knocks, tr.Track)
	}
	return tr
}

// moved draws what a packet did to a knock.
func (t *collected) moved(l *lane, at time.Duration, m replay.Move) {
	tr := l.track(m.Knock)
	switch m.Kind {
	case replay.Stepped:
		tr.end(KindStep, at, "next step")
		t.begin(tr, at, m.Until, &Bar{Kind: KindStep, Step: m.Step, Of: m.Of})
	case replay.SteppedClose:
		tr.end(KindClose, at, "next step")
		t.begin(tr, at, m.Until, &Bar{Kind: KindClose, Step: m.Step, Of: m.Of})
	case replay.Opened:
		tr.end(KindStep, at, "opened")
		tr.end(KindOpen, at, "renewed")
		t.begin(tr, at, m.Until, &Bar{Kind: KindOpen})
	case replay.Closed:
		tr.end(KindOpen, at, "closed")
		tr.end(KindClose, at, "closed")
	case replay.Reset:
		tr.end(KindStep, at, "reset")
	}
}

// begin begins a bar.
func (t *collected) begin(tr *track, at, until time.Duration, b *Bar) {
	if t.bars >= maxBars {
		return
	}
	t.bars++
	b.From, b.To, b.Until, b.ends = seconds(at), seconds(at), secondsOrNil(until), until
	tr.live[b.Kind] = b
	tr.Bars = append(tr.Bars, b)
}

// end ends a bar of a kind, if there is one.
func (tr *track) end(kind string, at time.Duration, why string) {
	if b := tr.live[kind]; b != nil {
		if at >= b.ends {
			at, why = b.ends, "expired"
		}
		b.To, b.Why = seconds(at), why
		delete(tr.live, kind)
	}
}

// expired ends what time has undone.
func (t *collected) expired(x replay.Expiry) {
	l := t.lanes[x.Source.Addr()]
	if l == nil {
		return // of a prefix, or without a lane: its bars end by themselves
	}
	kind := map[compiler.Role]string{compiler.Grant: KindOpen, compiler.Closing: KindClose}[x.Role]
	if kind == "" {
		kind = KindStep
	}
	l.track(x.Knock).end(kind, x.At, "expired")
}

func (c *Collector) End(r *session.Result) {
	t := c.trace
	if t == nil || t.Name != r.Name { // it could not even begin
		c.Begin(&session.Trace{Name: r.Name})
		t = c.trace
	}
	c.trace = nil
	t.Policy, t.Passed, t.Held, t.Failed = filepath.Base(r.Policy), r.Passed(), r.Held, r.Failed
	for _, err := range r.Errs {
		t.Errors = append(t.Errors, err.Error())
	}
	t.finish()
	if c.FailedOnly && t.Passed {
		return
	}
	if c.FailedOnly {
		t.onlyFailing()
	}
	c.Report.Traces = append(c.Report.Traces, t.Trace)
}

// finish ends the bars that live on, and so the drawing.
func (t *collected) finish() {
	end := t.last
	for _, l := range t.lanes {
		for _, tr := range l.tracks {
			for _, b := range tr.live {
				if b.ends != sim.Never {
					end = max(end, b.ends)
				}
			}
		}
	}
	for _, l := range t.lanes {
		for _, tr := range l.tracks {
			for kind, b := range tr.live {
				why := "expired"
				if b.ends == sim.Never {
					why = "end"
				}
				tr.end(kind, end, why)
			}
		}
	}
	t.End = seconds(end)
}

// onlyFailing leaves the lanes whose expectations have failed.
func (t *collected) onlyFailing() {
	left := []*Lane{}
	for _, l := range t.Lanes {
		if t.failing[l] {
			left = append(left, l)
		}
	}
	t.Lanes, t.Others = left, nil
}

func (c *Collector) Close(s *session.Summary) {
	for _, p := range s.Policies {
		c.Report.Policies = append(c.Report.Policies, newPolicy(p))
	}
}
