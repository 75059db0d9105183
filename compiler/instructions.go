package compiler

import (
	"net/netip"
	"time"

	"knockc/lang"
)

// Instruction is one step of a rule. Those that match break unless their
// condition holds; with Not, they break if it does.
//
//	[CtState] [Translated] [Iface] [L4Proto] [Ports] [TCPFlags]
//	[AddrType] [Source] [Destination] [ICMP] [Length]            match a field
//	[Lookup]                                                     match an element
//	[Update] [Delete]                                            change an element
//	[Count] [Log]                                                tell
//	[Dispatch] [Lengths] [Verdict] [Reject]                      decide
type Instruction interface {
	// RunsFor reports whether packets of a family may pass. For all others it breaks.
	RunsFor(f Family) bool

	// Refs calls see with each thing of the table that the instruction refers to.
	Refs(see func(Ref))
}

// CtState matches the state that connection tracking gives the packet. With Not
// there is one state.
type CtState struct {
	States ConnState
	Not    bool
}

// ConnState is a set of connection tracking states.
type ConnState uint8

const (
	StateNew ConnState = 1 << iota
	StateEstablished
	StateRelated
	StateInvalid
)

// Translated matches a packet of a connection whose packets get another destination
// (IPS_DST_NAT).
type Translated struct{}

// Iface matches the name of the interface that the packet arrived on, or with
// Wildcard how it begins.
type Iface struct {
	Name     string
	Wildcard bool
}

// L4Proto matches the transport protocol by its number.
type L4Proto struct {
	Number uint8
}

// The numbers of transport protocols in the IP header.
const (
	ProtoICMP   uint8 = 1
	ProtoIGMP   uint8 = 2
	ProtoTCP    uint8 = 6
	ProtoUDP    uint8 = 17
	ProtoICMPv6 uint8 = 58
)

// Ports matches the destination port of a transport header, First to Last.
type Ports struct {
	First, Last uint16
	Not         bool
}

// TCPFlags matches a TCP segment whose flags, masked, are the given ones. A
// header too short to hold flags breaks, with Not too.
type TCPFlags struct {
	Flags, Mask lang.Flags
	Not         bool
}

// AddrType matches what kind of address the packet is addressed to (nft_fib).
type AddrType struct {
	Kind AddrKind
	Not  bool
}

// AddrKind is a kind of address, as the routing table has it: the host's own, or one that
// it shares with others. All else is beyond the host.
type AddrKind uint8

const (
	AddrLocal AddrKind = iota
	AddrBroadcast
	AddrAnycast
	AddrMulticast
)

func (k AddrKind) String() string {
	return [...]string{"local", "broadcast", "anycast", "multicast"}[k]
}

// Source matches the source address with prefixes, all of one family.
type Source struct {
	Family   Family
	Prefixes []netip.Prefix
}

// Destination matches the destination address with prefixes, all of one family.
type Destination struct {
	Family   Family
	Prefixes []netip.Prefix
}

// ICMP matches the type of an ICMP or ICMPv6 message, by family.
type ICMP struct {
	Family Family
	Types  []uint8
}

// Length matches the length of the packet's IP header field, in bytes: of the
// whole packet for IPv4, of what follows the fixed header for IPv6.
type Length struct {
	Family Family
	Bytes  uint16
	Not    bool
}

// Key is an element's key: the packet's source address, cut to Bits, and a state
// number. An instruction with a key breaks for packets of another family, with
// Not too.
type Key struct {
	Family Family
	Bits   int
	State  uint32
}

// Lookup matches if the set has a live element with the key.
type Lookup struct {
	Key Key
	Set string
	Not bool
}

// Update gives the element with the key the timeout from now on, and makes it
// if there is none. It breaks if the element has to be made and the set is
// full. For ever is until it is deleted; a key never has both updates for ever and
// others (nft_dynset.c: the first would make it end, the second would not). The
// kernel counts timeouts in jiffies, rounded down (nf_msecs_to_jiffies64).
type Update struct {
	Key     Key
	Set     string
	Timeout time.Duration // more than 0; [lang.Forever]
}

// Delete ends the element with the key, if it lives. It never breaks.
type Delete struct {
	Key Key
	Set string
}

// Count adds the packet to a named counter.
type Count struct {
	Counter string
}

// Log writes the packet to the kernel's log, behind the prefix.
type Log struct {
	Prefix string
}

// Dispatch looks up the packet's transport protocol and destination port and
// takes the verdict found; it breaks if there is none. The entries do not
// overlap. Without ranges it is a hash table.
//
// With Named it breaks for other protocols than that, of which all entries are, and looks
// up the port that the sender named, which a translation may have changed since (nft_ct,
// direction original). It has no name then.
//
// With a name it is a map of the table, which has no entries or not, else one of the
// rule's own. That goes with the rule when a ruleset is loaded over it, and a packet on
// its way through the old rules may then find it empty: where a miss must not let a
// packet through, it has a name.
type Dispatch struct {
	Name     string
	Comment  string // of a map with a name
	Interval bool   // it may have ranges; without a name that follows from the entries
	Named    uint8  // the number of the protocol in the IP header, or 0
	Entries  []DispatchEntry
}

// DispatchEntry is a range of ports, First to Last, of one protocol (its number
// in the IP header).
type DispatchEntry struct {
	Proto       uint8
	First, Last uint16
	Verdict     Verdict
}

// Lengths looks up what [Length] matches and takes the verdict found; it breaks
// if there is none.
type Lengths struct {
	Family  Family
	Entries []LengthEntry
}

// LengthEntry is a length and its verdict.
type LengthEntry struct {
	Bytes   uint16
	Verdict Verdict
}

// Verdict ends a chain, or with Jump leaves it for a while.
type Verdict struct {
	Kind  VerdictKind
	Chain string // of Goto and Jump
}

// VerdictKind is what becomes of the packet.
type VerdictKind int

const (
	// Accept ends the table; later base chains may still drop.
	Accept VerdictKind = iota
	// Drop ends everything.
	Drop
	// Goto runs another chain in place of this one.
	Goto
	// Jump runs another chain and comes back, to the next rule.
	Jump
	// Return ends the chain and goes on behind the jump that led to it; in a base
	// chain the policy applies, which is accept.
	Return
	// Rejected is what becomes of a packet by [Reject].
	Rejected
	// Passed is what becomes of a packet about which no rule has decided: the policies
	// of the base chains accept it.
	Passed
)

func (k VerdictKind) String() string {
	return [...]string{"accept", "drop", "goto", "jump", "return", "reject", "pass"}[k]
}

// Reject drops the packet and answers it as a closed port would: with Reset by
// a TCP reset, else with an ICMP error, port unreachable. With Reset it stands
// alone in its rule, which is run for TCP segments only.
type Reject struct {
	Reset bool
}
