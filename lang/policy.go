package lang

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Policy is what a policy file holds.
type Policy struct {
	Settings Settings
	Defaults Clauses  // what `defaults` gives
	Knocks   []*Knock // in the order of the file

	ignores  []ignore
	flawedAt map[int]bool // offsets of declarations with errors
	hasKnock bool         // one at least, read or not
	stopped  bool         // the file was not read to its end
	begin    Span         // the first token, or the beginning of the text
}

// Settings are the declarations that apply to the whole policy.
type Settings struct {
	Table         string // of the family inet
	Hook          Hook
	Priority      int32 // of the base chain at the hook
	DefaultDrop   bool  // packets to the host that no rule decides are dropped instead of accepted
	RefuseReject  bool  // refused packets are rejected instead of dropped
	Open          []Open
	Size          int // elements in each shared state set
	TrustPrefixes []Prefix
	TrustIfaces   []Iface

	Given map[Setting]Span // where each setting's keyword stands, if it was given

	priorityAt Span // where the number of `priority` stands, if there is one
}

// Hook is where the rules see packets.
type Hook int

const (
	HookPrerouting Hook = iota // as their senders addressed them, before any translation
	HookInput                  // as the host receives them
)

func (h Hook) String() string { return hooks[h] }

// Open is an `open` declaration: services of the host that need no knock. From and On
// must both hold; an empty list admits everyone.
type Open struct {
	Services []Service
	From     []Prefix
	On       []Iface
	Span     Span
}

// ForAll reports whether the services are open to everyone.
func (o Open) ForAll() bool {
	if len(o.On) > 0 {
		return false
	}
	all4, all6 := len(o.From) == 0, len(o.From) == 0
	for _, p := range o.From {
		all4 = all4 || p.Bits() == 0 && p.Addr().Is4()
		all6 = all6 || p.Bits() == 0 && p.Addr().Is6()
	}
	return all4 && all6
}

// OpenToAll are the services that are open to everyone.
func (s *Settings) OpenToAll() []Service {
	var all []Service
	for _, o := range s.Open {
		if o.ForAll() {
			all = append(all, o.Services...)
		}
	}
	return all
}

// Trusts reports whether there are trusted sources, which need not knock.
func (s *Settings) Trusts() bool { return len(s.TrustPrefixes)+len(s.TrustIfaces) > 0 }

// Knock is a sequence of steps that opens a door.
type Knock struct {
	Name     Name
	Steps    []Step    // at least one
	Services []Service // at least one; what the door guards
	Clauses
	Span Span // from `knock` to `>`

	flawed bool // there are errors in it, so that it may lack parts
}

// closing is the place before the knock's `>`.
func (k *Knock) closing() Span {
	at := k.Span.End
	at.Offset, at.Column = at.Offset-1, at.Column-1
	return Span{at, at}
}

// CodeStep is the index of the step that needs a one-time code; -1 if there is none.
func (k *Knock) CodeStep() int { return slices.IndexFunc(k.Steps, func(s Step) bool { return s.Code }) }

// AllSteps are the steps of both sequences, the one that opens the door and the one
// that shuts it.
func (k *Knock) AllSteps() []Step { return append(slices.Clip(k.Steps), k.Close...) }

// Clauses are everything in a knock besides its steps and services. A missing clause
// comes from `defaults`, or otherwise from the language.
type Clauses struct {
	Within time.Duration // between two steps
	Total  time.Duration // from the first step to the last; 0: no limit
	Grant  time.Duration // how long the door stays open; [Forever]
	Once   bool          // the first use of the grant ends it
	Reset  Reset
	Close  []Step        // the sequence that shuts the door
	From   []Prefix      // who may knock; none: everyone
	On     []Iface       // where a knock may arrive; none: everywhere
	At     []Prefix      // where the services are; none: at every address of the host
	Key    KeyFile       // of the one-time codes
	Period time.Duration // in which one code is sent
	Ahead  time.Duration // how long before its period a code is known
	Per    Per
	Log    Log

	Given map[Clause]Span // where each clause's keyword stands, if the knock has it
}

// KeyFile names the file with the key of one-time codes, relative to the policy's folder.
type KeyFile struct {
	Path string // "": there is none
	Span Span
}

// Forever is the Grant of a door that does not close by itself.
const Forever time.Duration = math.MaxInt64

// Reset says what puts a source back to the beginning.
type Reset struct {
	Mode   ResetMode
	Revoke bool // it ends the grant too
}

// ResetMode says which wrong attempts reset.
type ResetMode int

const (
	ResetNone  ResetMode = iota
	ResetKnown           // those at a step of some knock
	ResetAny
)

// Per says how much of an address makes a source: two prefix lengths.
type Per struct{ IPv4, IPv6 int }

// Log says whether and how an opening is logged.
type Log struct {
	On     bool
	Prefix string // "" for the default text
}

// Name is a name and its place in the text.
type Name struct {
	Text string
	Span Span
}

// Step is an attempt that moves a knock.
type Step struct {
	Proto  Proto
	Port   uint16 // of TCP and UDP
	Length int    // of a ping: bytes of echo data, or AnyLength
	Code   bool   // of UDP: only a datagram that begins with a live one-time code
	Span   Span
}

// AnyLength is the length of a ping step that any echo request matches.
const AnyLength = -1

// UsualPingLength is how many bytes of data ping(8) sends by default.
const UsualPingLength = 56

// Service is a range of ports that a knock guards; a single port is a range of
// one.
type Service struct {
	Proto       Proto // TCP or UDP
	First, Last uint16
	Span        Span
}

// Has reports whether a port of a protocol is one of the service's.
func (s Service) Has(p Proto, port uint16) bool {
	return s.Proto == p && s.First <= port && port <= s.Last
}

// Prefix is a range of addresses.
type Prefix struct {
	netip.Prefix
	Span Span
}

// Iface is the name of an interface, or the beginning of one.
type Iface struct {
	Name     string // without the `*`
	Wildcard bool
	Span     Span
}

// Has reports whether an interface has the name, or a name that begins like it.
func (i Iface) Has(name string) bool {
	return name == i.Name || i.Wildcard && strings.HasPrefix(name, i.Name)
}

// Proto is the protocol of a step or service.
type Proto int

const (
	TCP Proto = iota
	UDP
	Ping // an ICMP or ICMPv6 echo request
)

func (p Proto) String() string { return ProtoWords[p] }

// The defaults for everything that a policy does not say.
const (
	DefaultWithin = 5 * time.Second
	DefaultGrant  = 10 * time.Second
	DefaultPeriod = 30 * time.Second
	DefaultAhead  = 7 * 24 * time.Hour
	DefaultTable  = "knockc"
	DefaultSize   = 65536
)

// The default priorities of base chains. At prerouting, connection tracking already
// knows a packet, and nothing has translated it yet (NF_IP_PRI_CONNTRACK is -200,
// NF_IP_PRI_NAT_DST -100). At input, usually no other chain has this priority.
const (
	PreroutingPriority = -110
	InputPriority      = -10

	minPrerouting, maxPrerouting = -199, -101
)

// UsualPriority is the default priority of the base chain at a hook.
func (h Hook) UsualPriority() int32 { return [...]int32{PreroutingPriority, InputPriority}[h] }
