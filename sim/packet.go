package sim

import (
	"net/netip"
	"time"

	"knockc/lang"
)

// Packet is a packet that arrives at the host.
type Packet struct {
	Time    time.Duration // since the start; never before the packet before it
	Iface   string        // the interface it arrives on
	Src     netip.Addr
	SrcPort uint16 // 0: a flow that no other packet belongs to
	Proto   lang.Proto
	DstPort uint16
	Flags   lang.Flags // of a TCP segment
}

// Change is an element that a packet made or renewed.
type Change struct {
	Set     string
	Src     netip.Addr
	State   uint32
	Expires time.Duration
}
