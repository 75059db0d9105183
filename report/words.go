package report

import (
	"fmt"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// cells are a packet's time, source and destination; an expectation has only a
// time in its column.
func cells(e *trace.Event) [3]string {
	at := lang.FormatSeconds(e.At) + "s"
	if e.Packet == nil {
		return [3]string{at, "", ""}
	}
	destination := e.Packet.Destination()
	if e.Packet.On != nil {
		destination += " on " + lang.Printable(e.Packet.On.Text)
	}
	if e.Packet.Unanswered != nil {
		destination += " unanswered"
	}
	if e.Packet.Answered != nil {
		destination += " answered"
	}
	return [3]string{at, e.Packet.Source(), destination}
}

// singlePacket is one of the packets of an event.
func singlePacket(o replay.Outcome) *trace.Packet {
	single := *o.Event.Packet
	single.Range, single.DstPort = nil, o.DstPort
	return &single
}

// failure says what was wanted and what came.
func failure(o replay.Outcome) string {
	if x := o.Event.Expect; x != nil {
		if o.Got.Depends {
			return fmt.Sprintf("wanted %s %s for %s, that %s", x.Knock, state(o.Want), x.Src, o.Got)
		}
		return fmt.Sprintf("wanted %s %s for %s, it is %s", x.Knock, state(o.Want), x.Src, state(o.Got))
	}
	single := singlePacket(o)
	if o.Got.Depends {
		return fmt.Sprintf("wanted %s for %s -> %s, that %s", o.Want, single.Source(), single.Destination(), o.Got)
	}
	return fmt.Sprintf("wanted %s for %s -> %s, got %s", o.Want, single.Source(), single.Destination(), o.Got)
}

// state is what is wanted or got of a knock.
func state(r replay.Result) string {
	if r.IsStep {
		return "at " + r.String()
	}
	return r.String()
}

func moves(ms []replay.Move) string {
	var texts []string
	for _, m := range ms {
		texts = append(texts, m.Knock+" "+moved(m))
	}
	return strings.Join(texts, ", ")
}

func moved(m replay.Move) string {
	switch m.Kind {
	case replay.Closed:
		return "closed"
	case replay.Reset:
		return "reset"
	case replay.SteppedClose:
		return Stands(compiler.Symbol{Role: compiler.Closing, Step: m.Step, Of: m.Of})
	case replay.Stepped:
		return Stands(compiler.Symbol{Step: m.Step, Of: m.Of})
	case replay.Uncertain:
		return replay.DependsOnTick
	}
	if m.OpenUntil == sim.Never {
		return "open"
	}
	return fmt.Sprintf("open until %ss", lang.FormatSeconds(m.OpenUntil))
}

// Count is a number of things.
func Count(n int, what string) string { return fmt.Sprint(n, " ", lang.Plural(n, what)) }
