package session

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/capture"
	"example.org/knockc/sim/replay"
)

// Recording is a trace made of a capture.
type Recording struct {
	Trace    []byte
	Packets  int
	LeftOut  int // packets to broadcast addresses, and of flows that the host had begun
	Differ   int // packets with another verdict in the trace, since it says less than the capture
	Kept     int // sources that keep their addresses, although it is anonymous
	Stats    capture.Stats
	Warnings []error
}

// Record makes a trace of the packets of a capture. The trace expects of each packet the
// verdict that it gets, and after a packet that has moved a knock what has become of it. If
// it is anonymous, addresses of sources are replaced by others: those in a prefix that the
// policy names by others of that prefix. All packets are held in memory.
func Record(name string, o Options, anonymous bool) (*Recording, error) {
	s := newRun(o, nil)
	if err := s.policies.useOnly(s.Open, o.Policy); err != nil {
		return nil, err
	}
	in, err := openInput(s.Open, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	switch captured, err := in.isCapture(); {
	case err != nil:
		return nil, err
	case !captured:
		return nil, &FaultyCapture{name, ErrNotCapture}
	}
	c, err := s.openCapture(in)
	if err != nil {
		return nil, err
	}
	r := &recording{flows: map[flow]*recorded{}}
	if err := r.read(c); err != nil {
		return nil, captureError(name, err)
	}
	r.Stats = c.source.Stats()
	s.warnOfHosts(name, c.source)
	r.Warnings = s.summary.Warnings
	if anonymous {
		if r.Kept, err = r.anonymize(c.policy.Result.Policy); err != nil {
			return nil, &FaultyCapture{name, err}
		}
		name = "a capture"
	}
	return &r.Recording, r.write(filepath.Base(name), c)
}

// recording is a recording that is being made.
type recording struct {
	Recording
	packets []*recorded
	flows   map[flow]*recorded // the latest packet of each; nil: the host has begun it
	out     []byte
}

// recorded is a packet of a capture.
type recorded struct {
	sim.Packet
	code     *trace.Code
	got      replay.Result // by the capture
	answered bool          // the host has sent something in the flow since then, or before
}

// flow is what an answer has in common with what it answers.
type flow struct {
	src     netip.Addr
	sport   uint16
	proto   lang.Proto
	dport   uint16
	forward netip.Addr
}

func flowOf(p *sim.Packet) flow {
	f := flow{p.Src, p.SrcPort, p.Proto, p.DstPort, p.To}
	if p.Proto == lang.Ping {
		f.dport = 0
	}
	return f
}

// read reads the packets of a capture, and notes which of them are answered.
func (r *recording) read(c *openedCapture) error {
	for {
		var p sim.Packet
		kind, err := c.source.Next(&p)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		c.player.StartAt(c.source.Began())
		f := flowOf(&p)
		last, known := r.flows[f]
		switch {
		case c.player.Answer(kind, &p):
			switch {
			case !known:
				r.flows[f] = nil
			case last != nil && p.Flags&lang.RST == 0: // else its port is closed
				last.answered = true
			}
		default:
			verdict, _ := c.player.Packet(&p)
			if p.Broadcast || known && last == nil {
				r.LeftOut++
				continue
			}
			n := &recorded{p, c.player.Code(&p), replay.Ruled(verdict), last != nil && last.answered}
			r.packets, r.flows[f] = append(r.packets, n), n
		}
	}
}

// write writes the trace, with what each packet does there.
func (r *recording) write(name string, c *openedCapture) error {
	player, err := replay.New(c.policy.Result)
	if err != nil {
		return err
	}
	r.out = fmt.Appendf(r.out, "# Recorded from %s.\n%s", lang.Printable(name), policyLine(c.policy.File))
	var late time.Duration // of the capture's begin, after a whole second
	if len(c.policy.Result.Codes) > 0 {
		began := c.source.Began().UTC()
		late = time.Duration(began.Nanosecond())
		r.out = fmt.Appendf(r.out, "start %s\n", began.Truncate(time.Second).Format(time.RFC3339))
		player.StartAt(began.Truncate(time.Second))
	}
	r.out = append(r.out, '\n')
	for _, n := range r.packets {
		n.Time += late
		player.Event(n.event(), func(o replay.Outcome) { r.outcome(n, o, player) })
	}
	r.Packets = len(r.packets)
	formatted, found := trace.Format(r.out)
	if formatted == nil {
		return lang.NewFileFindings("the trace of "+name, bytes.NewReader(r.out), found).Err()
	}
	r.Trace = formatted
	return nil
}

// policyLine is the line of a trace that names its policy; "" for standard input.
func policyLine(file string) string {
	switch {
	case file == stdin || strings.ContainsAny(file, "\"\n\r"):
		return "" // -policy has to name it
	case strings.ContainsAny(file, `#" `):
		file = `"` + file + `"`
	}
	return "policy " + file + "\n"
}

// event is the packet as an event. It says what the trace would take for granted otherwise.
func (n *recorded) event() *trace.Event {
	var c capturedEvent
	e := c.of(&n.Packet, 0)
	e.Packet.Code = n.code
	if n.Own {
		e.Packet.To = nil
	}
	if on := e.Packet.On; on != nil && !trace.CanSay(on.Text) {
		e.Packet.On = nil
	}
	switch {
	case n.got.Verdict == trace.Accept && n.Unanswered && !n.answered:
		e.Packet.Unanswered = &lang.Span{}
	case n.got.Verdict == trace.Pass && n.answered && n.Proto != lang.Ping:
		e.Packet.Answered = &lang.Span{}
	}
	return e
}

// outcome writes the line of a packet, and of what it has moved.
func (r *recording) outcome(n *recorded, o replay.Outcome, player *replay.Player) {
	e := *o.Event
	e.Packet.Want = o.Got.Verdict
	if o.Got.Verdict != trace.Pass {
		e.Packet.Answered = nil
	}
	r.out = e.AppendTo(r.out)
	if o.Got != n.got {
		r.Differ++
		r.out = append(append(r.out, "  # in the capture: "...), n.got.String()...)
	}
	r.out = append(r.out, '\n')
	for _, m := range o.Moves {
		x := trace.Expect{Knock: m.Knock, Src: n.Src}
		switch m.Kind {
		case replay.Opened:
			x.State = trace.Open
		case replay.Closed:
			x.State = trace.Closed
		case replay.Stepped, replay.Reset:
			step, _ := player.Step(m.Knock, n.Src, n.Time)
			x.At = &trace.At{Step: step}
		default:
			continue
		}
		r.out = append((&trace.Event{At: n.Time, Expect: &x}).AppendTo(r.out), '\n')
	}
}
