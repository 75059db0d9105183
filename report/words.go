package report

import (
	"fmt"
	"strconv"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"example.org/knockc/sim"
	"example.org/knockc/sim/replay"
)

// appendColumn appends one of the columns of a row, for an event or one of its packets;
// an expectation has only a time there.
func appendColumn(b []byte, c column, e *trace.Event, at time.Duration, port uint16) []byte {
	switch k := e.Packet; {
	case c == timeColumn:
		return append(lang.AppendSeconds(b, at), 's')
	case k == nil:
		return b
	case c == sourceColumn:
		return k.AppendSource(b)
	default:
		return k.AppendAttributes(k.AppendDestination(b, port))
	}
}

// packetText is the packet of an outcome as written in a trace.
func packetText(o replay.Outcome) string {
	b := append(o.Event.Packet.AppendSource(nil), " -> "...)
	return string(o.Event.Packet.AppendDestination(b, o.DstPort))
}

// Failure says what was wanted and what came.
func Failure(o replay.Outcome) string {
	if x := o.Event.Expect; x != nil {
		if o.Got.Depends {
			return fmt.Sprintf("wanted %s %s for %s, that %s", x.Knock, StateText(o.Want), x.Src, o.Got)
		}
		return fmt.Sprintf("wanted %s %s for %s, it is %s", x.Knock, StateText(o.Want), x.Src, StateText(o.Got))
	}
	if o.Got.Depends {
		return fmt.Sprintf("wanted %s for %s, that %s", o.Want, packetText(o), o.Got)
	}
	return fmt.Sprintf("wanted %s for %s, got %s", o.Want, packetText(o), o.Got)
}

// StateText is what is wanted or got of a knock.
func StateText(r replay.Result) string { return string(appendState(nil, r)) }

func appendState(b []byte, r replay.Result) []byte {
	if r.IsStep {
		return strconv.AppendInt(append(b, "at "...), int64(r.Step), 10)
	}
	return append(b, r.String()...)
}

// Moved says what became of a knock.
func Moved(m replay.Move) string { return string(appendMoved(nil, m)) }

func appendMoved(b []byte, m replay.Move) []byte {
	switch m.Kind {
	case replay.Closed:
		return append(b, "closed"...)
	case replay.Reset:
		return append(b, "reset"...)
	case replay.Uncertain:
		return append(b, replay.DependsOnTick...)
	case replay.SteppedClose:
		b = appendStands(b, compiler.Symbol{Role: compiler.Closing, Step: m.Step, Of: m.Of})
	case replay.Stepped:
		b = appendStands(b, compiler.Symbol{Step: m.Step, Of: m.Of})
	default:
		b = append(b, "open"...)
	}
	if m.Until == sim.Never {
		return b
	}
	return append(lang.AppendSeconds(append(b, " until "...), m.Until), 's')
}

// appendExpired says what time has undone for a knock.
func appendExpired(b []byte, left compiler.Symbol) []byte {
	b = append(append(b, left.Knock...), ' ')
	switch left.Role {
	case compiler.Grant:
		return append(b, "closed"...)
	case compiler.Closing:
		b = append(b, sequenceClose+" "...)
	}
	return strconv.AppendInt(append(b, "back to "...), int64(left.Step), 10)
}

// ExpiryText says what time has undone, with its time and source.
func ExpiryText(x replay.Expiry) string {
	return string(appendExpired(fmt.Appendf(nil, "%ss %s ", lang.FormatSeconds(x.At), SourceText(x.Source)), x.Symbol))
}

// Count is a number of things.
func Count(n int, what string) string { return fmt.Sprint(n, " ", lang.Plural(n, what)) }
