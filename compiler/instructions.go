package compiler

import (
	"time"

	"knockc/lang"
)

// Instruction is one step of a rule: a [CtState], [Iface], [TCPFlags],
// [Lookup], [Update], [Dispatch] or [Verdict].
type Instruction interface {
	instruction()
}

// CtState breaks unless connection tracking gives the packet one of the states.
type CtState struct {
	States ConnState
}

// ConnState is a set of connection tracking states.
type ConnState uint8

const (
	StateNew ConnState = 1 << iota
	StateEstablished
	StateRelated
	StateInvalid
)

// Iface breaks unless the packet arrived on the named interface.
type Iface struct {
	Name string
}

// TCPFlags breaks unless the packet is a TCP segment whose flags, masked, are
// the given ones. A header too short to hold flags breaks.
type TCPFlags struct {
	Flags, Mask lang.Flags
}

// Key is an element's key: the packet's source address and a state number. An
// instruction with a key breaks for packets of another family.
type Key struct {
	Family Family
	State  uint32
}

// Lookup breaks unless the set has a live element with the key.
type Lookup struct {
	Key Key
	Set string
}

// Update gives the element with the key the timeout from now on, and makes it
// if there is none. It breaks if the element has to be made and the set is
// full. The element's own timeout counts in jiffies, rounded down
// (nft_dynset.c, nf_msecs_to_jiffies64).
type Update struct {
	Key     Key
	Set     string
	Timeout time.Duration
}

// Dispatch looks up the packet's protocol and destination port and takes the
// verdict found; it breaks if there is none. The entries do not overlap.
type Dispatch struct {
	Entries []DispatchEntry
}

// DispatchEntry is a range of ports, First to Last, of one protocol (its number
// in the IP header).
type DispatchEntry struct {
	Proto       uint8
	First, Last uint16
	Verdict     Verdict
}

// Verdict ends a chain.
type Verdict struct {
	Kind  VerdictKind
	Chain string // of Goto
}

// VerdictKind is what becomes of the packet.
type VerdictKind int

const (
	// Accept ends the table; later base chains may still drop.
	Accept VerdictKind = iota
	// Drop ends everything.
	Drop
	// Goto runs another chain, and if that ends without a verdict, the base
	// chain's policy applies.
	Goto
)

func (CtState) instruction()  {}
func (Iface) instruction()    {}
func (TCPFlags) instruction() {}
func (Lookup) instruction()   {}
func (Update) instruction()   {}
func (Dispatch) instruction() {}
func (Verdict) instruction()  {}
