// Package replay runs a trace through a compiled policy and says, in the
// policy's words, what every packet did. Begin with [New], and give each event of the
// trace to [Player.Event]. Package session does that with files.
//
// The simulator moves elements of sets. With the compiler's symbol table, this package
// translates them into steps, grants and doors.
package replay

import (
	"iter"
	"net/netip"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
)

// Player replays events, one after the other.
type Player struct {
	machine  *sim.Machine
	symbols  *compiler.Symbols
	policy   *lang.Policy
	last     sim.Packet
	moves    []Move
	hz       int // of the machine's clock
	codes    *codebook
	recorder *recorder       // of what explains failures; nil: they are not explained
	expiries *expiries       // nil: they are not noted
	asked    []time.Duration // the times of snapshots that are not taken yet
	taken    []Snapshot
	watchers []Watcher
}

// Watcher receives every packet that is replayed.
type Watcher interface {
	Packet(p *sim.Packet, verdict compiler.VerdictKind, changes []sim.Change)
}

// New makes a player for a compiled policy. No source has knocked yet.
func New(r *compiler.Result) (*Player, error) {
	m, err := sim.New(r.Ruleset)
	return &Player{machine: m, symbols: r.Symbols, policy: r.Policy, codes: newCodebook(r)}, err
}

// NewTicking is New with another clock, see [sim.NewTicking].
func NewTicking(r *compiler.Result, c sim.Clock) (*Player, error) {
	m, err := sim.NewTicking(r.Ruleset, c)
	return &Player{machine: m, symbols: r.Symbols, policy: r.Policy, hz: c.HZ, codes: newCodebook(r)}, err
}

// Watch adds a watcher of the packets from now on.
func (p *Player) Watch(w Watcher) { p.watchers = append(p.watchers, w) }

// Outcome is the result of an expectation or of one packet of an event. Its moves are
// valid until the next one.
type Outcome struct {
	Event   *trace.Event
	At      time.Duration // since the start
	DstPort uint16        // of the packet
	Got     Result
	Want    Result // the zero Result if the trace does not say
	Moves   []Move // what a packet moved
	Why     string // why it is not what the trace wants, if [Player.Explain] was called

	// Expired is what time had undone since the outcome before, if [Player.NoteExpiries] was
	// called. It is valid until the next one.
	Expired []Expiry
}

// OK reports whether the outcome is what the trace wants, or whether the trace wants
// nothing. A packet that passes counts as accepted too.
func (o Outcome) OK() bool {
	return !o.Wanted() || o.Want == o.Got || o.Got.Verdict == trace.Pass && o.Want.Verdict == trace.Accept
}

// Wanted reports whether the trace says what it wants.
func (o Outcome) Wanted() bool { return o.Want != Result{} }

// Event plays one event and calls see with its outcome, or with one outcome for each
// port of a range.
func (p *Player) Event(e *trace.Event, see func(Outcome)) { p.EventUntil(e, sim.Never, see) }

// EventUntil plays the part of an event that comes no later than the end.
func (p *Player) EventUntil(e *trace.Event, end time.Duration, see func(Outcome)) {
	if isSingle(e) { // most are, and a loop would allocate for each
		if e.At <= end {
			see(p.play(e, e.At, 0))
		}
		return
	}
	for at, port := range instants(e) {
		if at > end {
			return
		}
		see(p.play(e, at, port))
	}
}

// instants are the times of an event, and the ports that its packets go to.
func instants(e *trace.Event) iter.Seq2[time.Duration, uint16] {
	return func(yield func(time.Duration, uint16) bool) {
		if isSingle(e) {
			yield(e.At, 0)
			return
		}
		at := e.At
		for port := range e.Packet.Range.Ports() {
			if !yield(at, port) {
				return
			}
			at += e.Packet.Range.Every
		}
	}
}

// isSingle reports whether an event is an expectation or a single packet.
func isSingle(e *trace.Event) bool { return e.Expect != nil || e.Packet.Range == nil }

// play plays an expectation, or one packet of an event, which goes to the port if the
// event has several.
func (p *Player) play(e *trace.Event, at time.Duration, port uint16) Outcome {
	expired := p.Expired(at)
	var o Outcome
	switch {
	case e.Expect != nil:
		o = p.expect(e)
	case e.Packet.Range == nil:
		o = p.packet(e, at, e.Packet.DstPort)
	default:
		o = p.packet(e, at, port)
	}
	o.Expired = expired
	return o
}

func (p *Player) packet(e *trace.Event, at time.Duration, port uint16) Outcome {
	setPacket(&p.last, e.Packet, at, port)
	if e.Packet.Code != nil {
		p.last.Code = p.codes.of(e.Packet.Code, at)
	}
	verdict, changes := p.Packet(&p.last)
	o := Outcome{
		Event: e, At: at, DstPort: port, Moves: p.Moves(changes),
		Got: Ruled(verdict), Want: Verdict(e.Packet.Want),
	}
	if e.Packet.Answered != nil {
		o.Want = Verdict(trace.Pass) // only such a packet leaves open whether it is answered
	}
	d := p.machine.Doubt()
	if d != nil {
		o.Got = Depends
	}
	switch {
	case p.recorder == nil || o.OK():
	case d != nil:
		o.Why = p.whyDepends(d, &p.last, at)
	default:
		o.Why = p.recorder.whyVerdict(&p.last, o.Want.Verdict, o.Got.Verdict)
	}
	return o
}

// Packet plays a packet that does not belong to an event. It returns the verdict and
// what changed in the sets, which is valid until the next packet.
func (p *Player) Packet(packet *sim.Packet) (compiler.VerdictKind, []sim.Change) {
	p.takeSnapshots(packet.Time)
	p.codes.offer(p.machine, packet)
	verdict, changes := p.machine.Packet(packet)
	p.codes.spent(packet.Time, changes)
	for _, w := range p.watchers {
		w.Packet(packet, verdict, changes)
	}
	return verdict, changes
}

// Answer plays a captured packet that is an answer of the host, or of another host that
// it forwards to, see [sim.Machine.Answer]. It is false for a packet that arrives.
func (p *Player) Answer(kind capture.Kind, packet *sim.Packet) bool {
	switch kind {
	case capture.FromHost:
		p.machine.Answer(packet)
		return true
	case capture.Between:
		answer := *packet
		answer.Src, answer.To = packet.To, packet.Src
		answer.SrcPort, answer.DstPort = packet.DstPort, packet.SrcPort
		if p.machine.Knows(&answer) {
			p.machine.Answer(&answer)
			return true
		}
	}
	return false
}

func (p *Player) expect(e *trace.Event) Outcome {
	o, d := p.found(e)
	switch {
	case p.recorder == nil || o.OK():
	case d != nil:
		o.Why = p.whyDepends(d, nil, e.At)
	default:
		o.Why = p.recorder.whyExpectation(e)
	}
	return o
}

// found is what holds of what is expected, and why it depends on the tick if it does.
func (p *Player) found(e *trace.Event) (Outcome, *sim.Doubt) {
	var d *sim.Doubt
	o, x := Outcome{Event: e, At: e.At}, e.Expect
	if x.At != nil {
		var step int
		step, d = p.Step(x.Knock, x.Src, e.At)
		o.Got, o.Want = Step(step), Step(x.At.Step)
	} else {
		var open bool
		open, d = p.Open(x.Knock, x.Src, e.At)
		o.Got, o.Want = State(trace.Closed), State(x.State)
		if open {
			o.Got = State(trace.Open)
		}
	}
	if d != nil {
		o.Got = Depends
	}
	return o, d
}

// Open reports whether the door of a knock is open for a source, and why that depends
// on the tick if it does.
func (p *Player) Open(knock string, src netip.Addr, at time.Duration) (bool, *sim.Doubt) {
	place, ok := p.symbols.Grant(knock)
	if !ok {
		return false, nil
	}
	return p.lives(place, src, at)
}

// Step is the furthest step of a knock's sequence that a source has done in time, 0 if
// there is none. It also says why that depends on the tick if it does.
func (p *Player) Step(knock string, src netip.Addr, at time.Duration) (int, *sim.Doubt) {
	return p.step(knock, compiler.Opening, src, at)
}

// step is Step for one of the knock's sequences.
func (p *Player) step(knock string, sequence compiler.Role, src netip.Addr, at time.Duration) (int, *sim.Doubt) {
	places := p.symbols.Steps(knock, sequence)
	for i := len(places); i >= 1; i-- {
		if lives, doubt := p.lives(places[i-1], src, at); lives || doubt != nil {
			return i, doubt
		}
	}
	return 0, nil
}

func (p *Player) lives(place compiler.Place, src netip.Addr, at time.Duration) (bool, *sim.Doubt) {
	f := compiler.FamilyOf(src)
	e, lives := p.machine.Find(place.Kind.SetName(f), place.Key(f), src, at)
	return lives, e.Doubt
}
