// Package trace reads and formats the trace language: packets and expectations
// in the order of time. Begin with [Parse], or for a trace that is too long to be held
// with [NewReader].
//
//	policy ssh.knock
//	0s      192.0.2.7 -> 22                    => drop
//	+500ms  192.0.2.7 -> 10000                 => pass
//	+0s     expect ssh open for 192.0.2.7
//	60s     203.0.113.9 -> 1000-12000 every 100us
//	+1s     192.0.2.7 -> 445 to 10.0.0.5       => pass
//
// Every line is read by itself. [Parse] cuts it into words and reads them from left to
// right. A mistake is a finding and leaves out the line. If the rest of the line still
// has a meaning, reading goes on there, and otherwise in the next line.
//
// [Format] prints the same words and decides only about the white space between them.
package trace

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"example.org/knockc/lang"
)

// Trace is the content of a trace file.
type Trace struct {
	Policy *Policy // nil if the trace names none
	Start  int64   // what a clock shows at time zero, in Unix time
	Events []Event // in the order of the lines, which is the order of time
}

// Policy is the line that names the policy to run the trace against.
type Policy struct {
	File string // relative to the trace's folder
	Span lang.Span
}

// Event is a packet or an expectation; the other one is nil. With a range of ports,
// there is one packet for each port.
type Event struct {
	At     time.Duration // since the start
	Packet *Packet
	Expect *Expect
	Span   lang.Span // the line, from its time on
}

// Last is when the last packet of the event arrives, since the start.
func (e *Event) Last() time.Duration {
	if e.Packet == nil || e.Packet.Range == nil {
		return e.At
	}
	return e.At + e.Packet.Range.Lasts()
}

// Outcomes is how many packets the event has, or 1 for an expectation.
func (e *Event) Outcomes() int {
	if e.Packet == nil || e.Packet.Range == nil {
		return 1
	}
	return int(e.Packet.Range.Last-e.Packet.Range.First) + 1
}

// Packet is a packet that arrives at the host. With a range of ports, it is as many
// packets as there are ports.
type Packet struct {
	Src     netip.Addr
	SrcPort uint16 // 0: a flow of its own
	Proto   lang.Proto
	DstPort uint16     // of a single TCP segment or UDP datagram
	Flags   lang.Flags // of a TCP segment
	Want    Verdict    // "" if the trace does not say

	Ping       *Ping      // of an echo request, else nil
	Range      *Range     // nil: a single packet
	On         *lang.Name // the interface that it arrives on; nil: [DefaultIface]
	To         *To        // where it is addressed to; nil: an address of the host
	Unanswered *lang.Span // where the trace says that the host does not answer, else nil
	Answered   *lang.Span // where it says that the host answers a packet that passes, else nil
	Code       *Code      // the one-time code that a UDP datagram begins with; nil: none
}

// Code is a one-time code of a knock. Each packet of a range has that of its own time.
type Code struct {
	Knock  string
	Offset time.Duration // of the code's period, from the time of the packet
	Span   lang.Span     // of the knock's name
}

// AppendTo appends the code as written in a trace.
func (c *Code) AppendTo(b []byte) []byte {
	b = append(append(b, "otp "...), c.Knock...)
	switch {
	case c.Offset < 0:
		b = append(append(b, " -"...), lang.FormatDuration(-c.Offset)...)
	case c.Offset > 0:
		b = append(append(b, " +"...), lang.FormatDuration(c.Offset)...)
	}
	return b
}

// To is an address that is not the host's own, of the family of the source.
type To struct {
	Addr netip.Addr
	Span lang.Span
}

// DefaultIface is the interface that packets arrive on if the trace does not
// say.
const DefaultIface = "eth0"

// Ping is what an echo request has instead of a port.
type Ping struct {
	Length uint16 // bytes of echo data
	Span   lang.Span
}

// Range is a run of ports, each of which gets a packet.
type Range struct {
	First, Last uint16
	Every       time.Duration // from one packet to the next
	Order       Order
	Seed        uint64 // of a shuffled order
	Span        lang.Span
}

// String is the range as written in a trace, without its attributes.
func (r *Range) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// Lasts is the time from the first packet to the last, or the largest Duration if that
// is less.
func (r *Range) Lasts() time.Duration {
	gaps := time.Duration(r.Last - r.First)
	if gaps > 0 && r.Every > math.MaxInt64/gaps {
		return math.MaxInt64
	}
	return gaps * r.Every
}

// Ports are the ports of the range, in its order.
func (r *Range) Ports() iter.Seq[uint16] {
	n := int(r.Last-r.First) + 1
	place := func(i int) int { return i }
	switch r.Order {
	case HighToLow:
		place = func(i int) int { return n - 1 - i }
	case Shuffled:
		order := rand.New(rand.NewPCG(r.Seed, 0)).Perm(n)
		place = func(i int) int { return order[i] }
	}
	return func(yield func(uint16) bool) {
		for i := range n {
			if !yield(r.First + uint16(place(i))) {
				return
			}
		}
	}
}

// Order is the order in which the ports of a range get their packets.
type Order int

const (
	LowToHigh Order = iota
	HighToLow
	Shuffled // drawn with the range's seed
)

// Source is the packet's source as written in a trace: `addr`, `addr:port` or
// `[addr6]:port`.
func (p *Packet) Source() string { return string(p.AppendSource(nil)) }

// AppendSource appends the packet's source.
func (p *Packet) AppendSource(b []byte) []byte {
	if p.SrcPort == 0 {
		return p.Src.AppendTo(b)
	}
	return netip.AddrPortFrom(p.Src, p.SrcPort).AppendTo(b)
}

// Destination is the packet's destination as written in a trace, with the flags if it
// is not a SYN, with the address if it is not the host's own, and with the one-time code.
func (p *Packet) Destination() string { return string(p.destination(nil, p.Range, p.DstPort)) }

// AppendDestination appends the destination of one of the packets, that with a port.
func (p *Packet) AppendDestination(b []byte, port uint16) []byte { return p.destination(b, nil, port) }

// destination appends a range of ports, or if that is nil a port.
func (p *Packet) destination(b []byte, r *Range, port uint16) []byte {
	switch {
	case p.Ping != nil && p.Ping.Length == lang.UsualPingLength:
		b = append(b, "ping"...)
	case p.Ping != nil:
		b = strconv.AppendUint(append(b, "ping/"...), uint64(p.Ping.Length), 10)
	default:
		b = p.ports(b, r, port)
	}
	if p.To != nil {
		b = p.To.Addr.AppendTo(append(b, " to "...))
	}
	if p.Code != nil {
		b = p.Code.AppendTo(append(b, ' '))
	}
	return b
}

// ports appends the protocol, the ports and the flags.
func (p *Packet) ports(b []byte, r *Range, port uint16) []byte {
	if p.Proto == lang.UDP {
		b = append(b, "udp/"...)
	}
	if r != nil {
		b = append(b, r.String()...)
	} else {
		b = strconv.AppendUint(b, uint64(port), 10)
	}
	switch {
	case p.Proto == lang.UDP, p.Flags == lang.SYN:
		return b
	case p.Flags == 0:
		return append(b, " null"...)
	}
	return p.Flags.AppendTo(append(b, ' '), ' ')
}

// Verdict is what happens to a packet.
type Verdict string

const (
	Accept Verdict = "accept"
	Drop   Verdict = "drop"
	Reject Verdict = "reject"

	// Pass is the verdict for a packet that no rule decides: the rest of the host decides.
	Pass Verdict = "pass"
)

var verdicts = []Verdict{Accept, Drop, Reject, Pass}

// Expect says what must be true of a knock for a source.
type Expect struct {
	Knock string
	Span  lang.Span // of the knock's name
	State State     // "" if At is given
	At    *At
	Src   netip.Addr
}

// State says whether a door is open.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
)

// At is how far a source has got: the furthest live step of the opening
// sequence, 0 if there is none.
type At struct {
	Step int
	Span lang.Span // `at` and the number
}
