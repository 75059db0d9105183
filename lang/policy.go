package lang

import (
	"fmt"
	"strings"
	"time"
)

// Policy is a checked policy file.
type Policy struct {
	Knocks []*Knock // in the order of the file
}

// Knock is a sequence of steps that opens a door.
type Knock struct {
	Name     Name
	Steps    []Step    // at least one
	Services []Service // at least one; what the door guards
	Within   time.Duration
	Grant    time.Duration
	Span     Span // from `knock` to `>`
}

// Name is a name and where it stands.
type Name struct {
	Text string
	Span Span
}

// Step is an attempt that moves a knock on.
type Step struct {
	Proto Proto
	Port  uint16
	Span  Span
}

// Service is a range of ports that a knock guards; a single port is a range of
// one.
type Service struct {
	Proto       Proto
	First, Last uint16
	Span        Span
}

// Proto is a transport protocol.
type Proto int

const (
	TCP Proto = iota
	UDP
)

func (p Proto) String() string { return [...]string{"tcp", "udp"}[p] }

// Number is the protocol's number in the IP header.
func (p Proto) Number() uint8 { return [...]uint8{6, 17}[p] }

// String is the step in canonical form.
func (s Step) String() string { return protoPrefix(s.Proto) + fmt.Sprint(s.Port) }

// String is the service in canonical form.
func (s Service) String() string {
	if s.First == s.Last {
		return protoPrefix(s.Proto) + fmt.Sprint(s.First)
	}
	return protoPrefix(s.Proto) + fmt.Sprintf("%d-%d", s.First, s.Last)
}

// Has reports whether a port of a protocol is one of the service's.
func (s Service) Has(p Proto, port uint16) bool {
	return s.Proto == p && s.First <= port && port <= s.Last
}

// protoPrefix leaves out the protocol that goes without saying.
func protoPrefix(p Proto) string {
	if p == TCP {
		return ""
	}
	return p.String() + "/"
}

// What a knock has that does not say otherwise.
const (
	DefaultWithin = 5 * time.Second
	DefaultGrant  = 10 * time.Second
)

// String is the knock in canonical form, with its durations written out.
func (k *Knock) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "knock %s <", k.Name.Text)
	for _, s := range k.Steps {
		b.WriteString(" " + s.String())
	}
	b.WriteString(" ->")
	for _, s := range k.Services {
		b.WriteString(" " + s.String())
	}
	fmt.Fprintf(&b, " within %s grant %s >", FormatDuration(k.Within), FormatDuration(k.Grant))
	return b.String()
}
