package compiler

import (
	"net/netip"
	"time"

	"example.org/knockc/lang"
)

// Instruction is one step of a rule. An instruction that matches breaks unless its
// condition holds; with Not, it breaks if the condition holds.
//
//	[CtState] [Translated] [Iface] [L4Proto] [Ports] [TCPFlags]
//	[AddrType] [Source] [Destination] [ICMP] [Length]            match a field
//	[Lookup]                                                     match an element
//	[Update] [Delete] [Spend]                                    change an element
//	[Count] [Log]                                                tell
//	[Dispatch] [Lengths] [Verdict] [Reject]                      decide
type Instruction interface {
	// RunsFor reports whether the instruction can run for packets of a family. For all
	// other packets it breaks.
	RunsFor(f Family) bool

	// Refs calls see for each part of the table that the instruction refers to.
	Refs(see func(Ref))

	// Elements is how many elements the instruction has in a list of its own.
	Elements() int
}

// CtState matches the state that connection tracking gives the packet. With Not, it has
// only one state.
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

// Iface matches the name of the interface that the packet arrived on, or with Wildcard
// the beginning of that name.
type Iface struct {
	Name     string
	Wildcard bool
}

// String is the name as people write it: `wg*`.
func (i Iface) String() string {
	if i.Wildcard {
		return i.Name + "*"
	}
	return i.Name
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

// TCPFlags matches a TCP segment whose flags, masked, are the given ones. If a header
// is too short to hold flags, it breaks, even with Not.
type TCPFlags struct {
	Flags, Mask lang.Flags
	Not         bool
}

// AddrType matches what kind of address the packet is addressed to (nft_fib).
type AddrType struct {
	Kind AddrKind
	Not  bool
}

// AddrKind is a kind of address in the routing table: the host's own, or one that it
// shares with others. All other addresses belong to other hosts.
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

// Length matches the length of the packet's IP header field, in bytes: the length of
// the whole packet for IPv4, and of everything after the fixed header for IPv6.
type Length struct {
	Family Family
	Bytes  uint16
	Not    bool
}

// Key is an element's key: the packet's source address, cut to Bits, and a state
// number. An instruction with a key breaks for packets of another family, even with
// Not.
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

// Update gives the element with the key the timeout from now on, and makes it if there
// is none. It breaks if the element has to be made and the set is full. Forever means
// until it is deleted. A key never has both updates with [lang.Forever] and others
// (nft_dynset.c: an update forever would end an element that has a timeout, and any
// other update would not make an element without a timeout end). The kernel counts
// timeouts in jiffies, rounded down (nf_msecs_to_jiffies64).
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

// Spend matches if the set has a live one-time code that the payload of the packet begins
// with, and ends that code. It must run only for UDP datagrams. For a payload that is
// shorter than a code it breaks.
type Spend struct {
	Set string
}

// Count adds the packet to a named counter.
type Count struct {
	Counter string
}

// Log writes the packet to the kernel's log, after the prefix.
type Log struct {
	Prefix string
}

// Dispatch looks up the packet's transport protocol and destination port and
// takes the verdict found; it breaks if there is none. The entries do not
// overlap. Without ranges it is a hash table.
//
// With Named, all entries are of that protocol, and it breaks for other protocols. It
// looks up the port that the sender named, which a translation may have changed since
// (nft_ct, direction original). It then has no name.
//
// With a name, it is a map of the table, perhaps without entries. Without a name, it is
// a map of the rule. Such a map is removed with its rule when another ruleset is
// loaded, and a packet on its way through the old rules may then find it empty. So if a
// miss must not let a packet through, the map has a name.
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

// Verdict ends a chain, or with Jump runs another one first.
type Verdict struct {
	Kind  VerdictKind
	Chain string // of Goto and Jump
}

// VerdictKind is what happens to the packet.
type VerdictKind int

const (
	// Accept ends the table; later base chains may still drop.
	Accept VerdictKind = iota
	// Drop ends everything.
	Drop
	// Goto runs another chain instead of this one.
	Goto
	// Jump runs another chain and comes back to the next rule.
	Jump
	// Return ends the chain and goes on after the jump that led to it. In a base chain,
	// the chain's policy applies, which is accept.
	Return
	// Rejected is the verdict of [Reject].
	Rejected
	// Passed is the verdict for a packet that no rule has decided: the policies of the
	// base chains accept it.
	Passed
)

func (k VerdictKind) String() string {
	return [...]string{"accept", "drop", "goto", "jump", "return", "reject", "pass"}[k]
}

// Reject drops the packet and answers it as a closed port would: with Reset, it sends a
// TCP reset, otherwise an ICMP error, port unreachable. With Reset, it is the only
// instruction of its rule, and the rule runs only for TCP segments.
type Reject struct {
	Reset bool
}
