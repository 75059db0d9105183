package capture

import (
	"fmt"
	"strings"
)

// Reason is why a packet was left out.
type Reason uint8

const (
	NotIP         Reason = iota + 1 // ARP, LLDP and the like
	UnknownLink                     // from an interface whose link type is not supported
	OtherProtocol                   // IP, but neither TCP, UDP nor ICMP
	OtherICMP                       // ICMP and ICMPv6, except echo requests and the host's echo replies
	OtherHost                       // neither to nor from the host, nor an address of [Options.At]
	Forwarded                       // it was recorded when it came in, and again when it went out
	OwnGroup                        // from the host to a broadcast or multicast address, or a ping of its own
	Snapped                         // the recording stopped before the headers ended
	Malformed                       // headers that contradict each other; the kernel drops it or calls it invalid
	BadSource                       // no packet can come from there, or go there
	Fragment                        // part of a datagram that another record completed, or none
	Overlap                         // a fragment that repeats or contradicts others, or makes a datagram too long
	Flooded                         // a fragment of one datagram too many at a time
	reasons
)

var reasonNames = [reasons]struct{ key, text string }{
	NotIP:         {"not_ip", "not IP"},
	UnknownLink:   {"unknown_link", "of an unknown link type"},
	OtherProtocol: {"other_protocol", "of other protocols"},
	OtherICMP:     {"other_icmp", "of other ICMP types"},
	OtherHost:     {"other_host", "of other hosts"},
	Forwarded:     {"forwarded_copy", "copies of forwarded packets"},
	OwnGroup:      {"own_account", "from the host on its own account"},
	Snapped:       {"cut_short", "cut short by the recording"},
	Malformed:     {"malformed", "malformed"},
	BadSource:     {"impossible_source", "from impossible sources"},
	Fragment:      {"fragment", "fragments"},
	Overlap:       {"overlapping_fragment", "overlapping fragments"},
	Flooded:       {"too_many_fragments", "fragments too many at a time"},
}

// String says it for people, after a number of packets.
func (r Reason) String() string { return reasonNames[r].text }

// Key says it for programs, in snake_case.
func (r Reason) Key() string { return reasonNames[r].key }

// Stats says what happened to the records of a capture. Records is the sum of ToHost,
// FromHost, ToAt, FromAt and all of LeftOut.
type Stats struct {
	Records  int
	ToHost   int
	FromHost int
	ToAt     int // to an address of [Options.At], from one too perhaps
	FromAt   int
	LeftOut  [reasons]int // by reason

	Short      int // TCP segments to and from the host whose header has ports but no valid rest: invalid, as if without flags
	Incomplete int // datagrams without some of their fragments
	Backwards  int // records that were older than the one before them, and are treated as equally old
}

// String is a summary in one line, for people.
func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d recorded: %d to the host, %d from it", s.Records, s.ToHost, s.FromHost)
	if s.ToAt+s.FromAt > 0 {
		fmt.Fprintf(&b, ", %d to addresses of `at`, %d from them", s.ToAt, s.FromAt)
	}
	sep := "; left out: "
	for reason, n := range s.LeftOut {
		if n > 0 {
			fmt.Fprintf(&b, "%s%d %s", sep, n, Reason(reason))
			sep = ", "
		}
	}
	sep = "; "
	for _, note := range []struct {
		n    int
		text string
	}{
		{s.Short, "broken TCP headers"},
		{s.Incomplete, "incomplete datagrams"},
		{s.Backwards, "out of order"},
	} {
		if note.n > 0 {
			fmt.Fprintf(&b, "%s%s: %d", sep, note.text, note.n)
			sep = ", "
		}
	}
	return b.String()
}
