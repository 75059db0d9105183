package compiler

import (
	"slices"
	"strconv"
	"strings"

	"example.org/knockc/lang"
)

// Names of chains, sets and counters tell what these are for. Package live reads them in
// tables that are loaded, also by earlier versions.

// Point is a destination of attempts that the rules distinguish: a range of ports that
// all mean the same, or a length of pings.
type Point struct {
	Proto       lang.Proto
	First, Last uint16 // ports
	Length      int    // of a ping; [lang.AnyLength]: all lengths that no step has
}

// otherPings is the point of pings of all lengths that no step has.
const otherPings = "ping_other"

// Chain is the name of the chain for the point.
func (p Point) Chain() string {
	switch {
	case p.Proto == lang.Ping && p.Length == lang.AnyLength:
		return otherPings
	case p.Proto == lang.Ping:
		return "ping_" + strconv.Itoa(p.Length)
	case p.First == p.Last:
		return p.Proto.String() + "_" + number(p.First)
	}
	return p.Proto.String() + "_" + number(p.First) + "_" + number(p.Last)
}

// String is the point as written in a policy.
func (p Point) String() string {
	if p.Proto == lang.Ping {
		return lang.Step{Proto: lang.Ping, Length: p.Length}.String()
	}
	return lang.Service{Proto: p.Proto, First: p.First, Last: p.Last}.String()
}

// ofKnock comes before the point in the name of a chain that is for one knock alone.
const ofKnock = "_at_"

func (p Point) chainOf(knock string) string { return knock + ofKnock + p.Chain() }

// ofAdmissions comes before the point in the name of a chain that asks whether a knock admits
// an attempt.
const ofAdmissions = "_admits_"

func (p Point) admissionsOf(knock string) string { return knock + ofAdmissions + p.Chain() }

// AdmittingKnock is the knock whose `from` and `on` a chain asks for; false if it does not.
func AdmittingKnock(chain string) (knock string, ok bool) {
	i := strings.LastIndex(chain, ofAdmissions)
	if i < 0 {
		return "", false
	}
	_, ok = PointOf(chain[i+len(ofAdmissions):])
	return chain[:i], ok
}

// PointOf is the point that a chain is for, perhaps for only one knock; false if the
// chain is not for a point.
func PointOf(chain string) (p Point, ok bool) {
	if i := strings.LastIndex(chain, ofKnock); i >= 0 {
		chain = chain[i+len(ofKnock):]
	}
	if chain == otherPings {
		return Point{Proto: lang.Ping, Length: lang.AnyLength}, true
	}
	for _, proto := range []lang.Proto{lang.TCP, lang.UDP, lang.Ping} {
		numbers, ok := strings.CutPrefix(chain, proto.String()+"_")
		if !ok {
			continue
		}
		first, last, isRange := strings.Cut(numbers, "_")
		if !isRange {
			last = first
		}
		from, _ := strconv.ParseUint(first, 10, 16)
		to, _ := strconv.ParseUint(last, 10, 16)
		p = Point{Proto: proto, First: uint16(from), Last: uint16(to)}
		if proto == lang.Ping {
			p = Point{Proto: proto, Length: int(from)}
		}
		return p, p.Chain() == chain
	}
	return Point{}, false
}

// StepsCounter is the name of the counter of packets that have done a step of a knock,
// except the step that opens.
func StepsCounter(knock string) string { return knock + "_steps" }

// OpenedCounter is the name of the counter of packets that have opened the door of a knock.
func OpenedCounter(knock string) string { return knock + "_opened" }

// LetInCounter is the name of the counter of packets that a grant of a knock has let in.
func LetInCounter(knock string) string { return knock + "_let_in" }

// BarredCounter is the name of the counter of packets to a step of a knock that its `from`
// or `on` does not admit. A knock without these has none.
func BarredCounter(knock string) string { return knock + "_barred" }

// RefusedCounter is the name of the counter of attempts at a service that were refused. It
// is one for all knocks that guard the point: a packet that nobody lets in meets the same
// rules whether there is one or a thousand.
func RefusedCounter(p Point) string { return p.Chain() + "_refused" }

// SetName is the name of the set of a kind for a family.
func (k SetKind) SetName(f Family) string { return setKinds[k].names[f] }

// SetOf is the kind and the family of a set, given its name; false if it is not a set
// of sources.
func SetOf(name string) (kind SetKind, f Family, ok bool) {
	for i, k := range setKinds {
		if f := slices.Index(k.names[:], name); f >= 0 {
			return SetKind(i), Family(f), true
		}
	}
	return 0, 0, false
}
