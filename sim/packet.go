package sim

import (
	"net/netip"
	"time"

	"example.org/knockc/codes"
	"example.org/knockc/lang"
)

// Packet is a packet that arrives at the host.
type Packet struct {
	Time    time.Duration // since the start; never before the packet before it
	Iface   string        // the interface it arrives on
	Src     netip.Addr
	SrcPort uint16 // of a ping, its identifier
	Proto   lang.Proto
	DstPort uint16     // of a TCP segment or UDP datagram
	Flags   lang.Flags // of a TCP segment
	Length  int        // of a ping: bytes of echo data
	Code    codes.Code // the first bytes of a datagram's payload; zero if it has fewer, or they do not matter

	// To is the address that the packet is sent to, if that is neither the host itself nor
	// a broadcast or multicast address: the host forwards it. With Own, it is an address
	// of the host itself that a policy names.
	To  netip.Addr
	Own bool

	// Broadcast says that the packet is addressed to a broadcast or multicast
	// address, not to one of the host itself.
	Broadcast bool

	// Alone says that no other packet belongs to the packet's flow, whatever its ports.
	Alone bool

	// Unanswered says that the host does not answer the packet, even if it gets it.
	// Answered says that it answers even if no rule of the table decides about the packet.
	// Without Answered, such a packet does not begin a flow.
	Unanswered, Answered bool
}

// GoesOn reports whether the packet is addressed to another host.
func (p *Packet) GoesOn() bool { return p.To.IsValid() && !p.Own }

// Change is an element that a packet made, renewed or ended. One with a code has no source
// and no state.
type Change struct {
	Set     string
	Src     netip.Addr // cut as the key says
	State   uint32
	Code    codes.Code
	Expires time.Duration // [Never] if it does not end by itself
	Ended   bool
	Unsure  bool // it depends on the tick whether there was this change
}

// Never is the end of an element that lives forever.
const Never = lang.Forever
