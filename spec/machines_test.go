package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
)

// pair is a policy and what happens to it.
type pair struct {
	name   string
	policy *lang.Policy
	result *compiler.Result
	start  int64         // what a clock shows when they begin, in Unix time
	events []trace.Event // without ranges of ports

	// traceOf tells the traces apart that the events were merged from, which share
	// no source.
	traceOf func(netip.Addr) int
}

// newPair compiles a policy that must be without fault.
func newPair(name, policyText string, events []trace.Event) (*pair, error) {
	policy, found := lang.Examine([]byte(policyText))
	if err := firstError(name, policyText, found); err != nil {
		return nil, err
	}
	result, found := compiler.Compile(policy)
	if err := firstError(name, policyText, found); err != nil {
		return nil, err
	}
	return &pair{name, policy, result, 0, singlePackets(events), func(netip.Addr) int { return 0 }}, nil
}

func firstError(name, text string, found []lang.Finding) error {
	for _, f := range found {
		if f.Severity == lang.Error {
			return fmt.Errorf("%s", f.Render(name, []byte(text)))
		}
	}
	return nil
}

// singlePackets replaces each range of ports by its packets.
func singlePackets(events []trace.Event) []trace.Event {
	var singles []trace.Event
	for _, e := range events {
		if e.Packet == nil || e.Packet.Range == nil {
			singles = append(singles, e)
			continue
		}
		for port := range e.Packet.Range.Ports() {
			single := *e.Packet
			single.Range, single.DstPort = nil, port
			singles = append(singles, trace.Event{At: e.At, Packet: &single, Span: e.Span})
			e.At += e.Packet.Range.Every
		}
	}
	return singles
}

// moveTo moves an event to another time, with the code that its packet has.
func moveTo(e *trace.Event, at time.Duration) {
	if e.Packet != nil && e.Packet.Code != nil {
		moved, code := *e.Packet, *e.Packet.Code
		code.Offset += e.At - at
		moved.Code = &code
		e.Packet = &moved
	}
	e.At = at
}

// onModel returns what the model says of each event: a packet's verdict or a
// knock's state.
func onModel(policy *lang.Policy, start int64, events []trace.Event) []string {
	m := NewModel(policy)
	m.Start = start
	var says []string
	for _, e := range events {
		switch {
		case e.Packet != nil:
			says = append(says, string(m.Packet(e.At, e.Packet)))
		case e.Expect.At != nil:
			says = append(says, strconv.Itoa(m.Step(e.At, e.Expect.Knock, e.Expect.Src)))
		case m.Open(e.At, e.Expect.Knock, e.Expect.Src):
			says = append(says, string(trace.Open))
		default:
			says = append(says, string(trace.Closed))
		}
	}
	return says
}

// onSim returns the same of the simulator, and which events opened a door.
func onSim(r *compiler.Result, start int64, events []trace.Event) (says []string, opened []bool, err error) {
	player, err := replay.New(r)
	if err != nil {
		return nil, nil, err
	}
	player.StartAt(time.Unix(start, 0))
	for i := range events {
		player.Event(&events[i], func(o replay.Outcome) {
			says = append(says, o.Got.String())
			opened = append(opened, slices.ContainsFunc(o.Moves, func(m replay.Move) bool { return m.Kind == replay.Opened }))
		})
	}
	return says, opened, nil
}

// show writes events as a trace.
func show(events []trace.Event) string {
	text := ""
	for _, e := range events {
		if p := e.Packet; p != nil {
			text += fmt.Sprintf("\n%ss %s -> %s", lang.FormatSeconds(e.At), p.Source(), p.Destination())
			if p.On != nil {
				text += " on " + p.On.Text
			}
			if p.Unanswered != nil {
				text += " unanswered"
			}
			if p.Answered != nil {
				text += " answered"
			}
		}
	}
	return text
}
