// Package trace reads the trace language: packets and expectations in the order
// of time.
//
//	policy ssh.knock
//	0s      192.0.2.7 -> 22                    => drop
//	+500ms  192.0.2.7 -> 10000                 => drop
//	+0s     expect ssh open for 192.0.2.7
//
// A line that cannot be read is a finding and is left out; those after it are
// read all the same.
package trace

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"knockc/lang"
)

// Trace is what a trace file holds.
type Trace struct {
	Policy *Policy // nil if the trace names none
	Events []Event // in the order of the lines, which is that of time
}

// Policy is the line that names the policy to run the trace against.
type Policy struct {
	File string // relative to the trace's folder
	Span lang.Span
}

// Event is a packet or an expectation; the other is nil.
type Event struct {
	At     time.Duration // since the start
	Packet *Packet
	Expect *Expect
	Span   lang.Span // the line, from its time on
}

// Packet is one packet that arrives at the host.
type Packet struct {
	Src     netip.Addr
	SrcPort uint16 // 0: a flow of its own
	Proto   lang.Proto
	DstPort uint16
	Flags   lang.Flags // of a TCP segment
	Want    Verdict    // "" if the trace does not say
}

// Source is the packet's source as a trace has it: `addr`, `addr:port` or
// `[addr6]:port`.
func (p *Packet) Source() string {
	if p.SrcPort == 0 {
		return p.Src.String()
	}
	return netip.AddrPortFrom(p.Src, p.SrcPort).String()
}

// Destination is the packet's destination as a trace has it, with the flags if
// they are other than a SYN.
func (p *Packet) Destination() string {
	if p.Proto == lang.UDP {
		return fmt.Sprintf("udp/%d", p.DstPort)
	}
	switch p.Flags {
	case lang.SYN:
		return fmt.Sprint(p.DstPort)
	case 0:
		return fmt.Sprintf("%d null", p.DstPort)
	}
	return fmt.Sprintf("%d %s", p.DstPort, strings.ReplaceAll(p.Flags.String(), ",", " "))
}

// Verdict is what becomes of a packet.
type Verdict string

const (
	Accept Verdict = "accept"
	Drop   Verdict = "drop"
	Reject Verdict = "reject"
)

// Expect says what must hold of a knock for a source.
type Expect struct {
	Knock string
	Span  lang.Span // of the knock's name
	State State
	Src   netip.Addr
}

// State is whether a door stands open.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
)
