package lang

import (
	"fmt"
	"slices"
	"strings"
)

// A port scan sends one packet to each port, 1 to 65535 or the other way, of
// each protocol that the knock has, and then begins again. It opens a door if
// the steps come up in order, each in time after the one before, and nothing
// wrong between them resets the source.

// scanResult is how scans in one direction open a door.
type scanResult struct {
	scans int // how many, one after the other
	rate  int // packets a second that they need at least
}

// scans says how many port scans open a knock's door, and how slow they may be.
func (c *checker) scans(k *Knock) {
	var ways []string
	fewest := 0
	for _, descending := range []bool{false, true} {
		r, ok := c.scan(k, descending)
		if !ok {
			continue
		}
		if fewest == 0 || r.scans < fewest {
			fewest = r.scans
		}
		ways = append(ways, fmt.Sprintf("%s %s port %s at %s/s or more",
			numberWord(r.scans), directionName(descending), plural("scan", r.scans), thousands(r.rate)+" "+plural("packet", r.rate)))
	}
	if len(ways) == 0 {
		return
	}
	code := CodeScans
	if fewest == 1 {
		code = CodeScan
	}
	f := c.add(code, k.Steps[0].Span.To(k.Steps[len(k.Steps)-1].Span), "this door opens to %s", strings.Join(ways, ", or to "))
	if k.Reset.Mode == ResetAny {
		f.hint("use steps that are not neighbours")
	} else {
		f.hint("add `reset any`")
	}
}

// scan computes how scans in one direction open the door; false if none do.
func (c *checker) scan(k *Knock, descending bool) (scanResult, bool) {
	s := scanOrder{k: k, descending: descending}
	if !s.protocols() {
		return scanResult{}, false
	}
	r := scanResult{scans: 1}
	sum := 0
	for i := 1; i < len(k.Steps); i++ {
		from, to := s.place(k.Steps[i-1]), s.place(k.Steps[i])
		gap := to - from
		if gap <= 0 {
			gap += s.length()
			r.scans++
		}
		if k.Reset.Mode != ResetNone && c.wrongBetween(s, i, from, gap) {
			return scanResult{}, false
		}
		sum += gap
		r.rate = max(r.rate, rateFor(gap, int64(k.Within)))
	}
	if k.Total != 0 {
		r.rate = max(r.rate, rateFor(sum, int64(k.Total)))
	}
	return r, true
}

// rateFor is the lowest whole rate at which a number of packets takes less than
// some nanoseconds.
func rateFor(packets int, limit int64) int {
	return int(int64(packets)*1e9/limit) + 1
}

// scanOrder is the order in which a scan comes by the ports of the protocols that
// a knock has.
type scanOrder struct {
	k          *Knock
	descending bool
	both       bool // TCP and UDP
	only       Proto
}

// protocols finds out what the scan has to send; false if the knock has pings,
// which no port scan sends.
func (s *scanOrder) protocols() bool {
	s.only = s.k.Steps[0].Proto
	for _, step := range s.k.Steps {
		if step.Proto == Ping {
			return false
		}
		s.both = s.both || step.Proto != s.only
	}
	return true
}

const ports = 65535

// length is the number of packets in a scan.
func (s scanOrder) length() int {
	if s.both {
		return 2 * ports
	}
	return ports
}

// place is the place of a step's packet in the scan, from 0.
func (s scanOrder) place(step Step) int {
	place := int(step.Port) - 1
	if s.both {
		place = 2*place + int(step.Proto)
	}
	if s.descending {
		return s.length() - 1 - place
	}
	return place
}

// at is the packet at a place of the scan.
func (s scanOrder) at(place int) Step {
	place %= s.length()
	if s.descending {
		place = s.length() - 1 - place
	}
	if s.both {
		return Step{Proto: Proto(place % 2), Port: uint16(place/2 + 1)}
	}
	return Step{Proto: s.only, Port: uint16(place + 1)}
}

// wrongBetween reports whether the scan sends anything wrong after step i (from
// 1), in the gap behind its place.
func (c *checker) wrongBetween(s scanOrder, i, from, gap int) bool {
	for n := 1; n < gap; n++ {
		packet := s.at(from + n)
		if !c.harmless(s.k, i, packet) && (s.k.Reset.Mode == ResetAny || c.isKnown(packet)) {
			return true
		}
	}
	return false
}

// harmless reports whether an attempt cannot reset a source that has done i
// steps of a knock.
func (c *checker) harmless(k *Knock, i int, packet Step) bool {
	matches := func(s Step) bool { return s.Proto == packet.Proto && s.Port == packet.Port }
	has := func(s Service) bool { return s.Has(packet.Proto, packet.Port) }
	return slices.ContainsFunc(k.Steps[:min(i+1, len(k.Steps))], matches) || slices.ContainsFunc(k.Close, matches) ||
		slices.ContainsFunc(k.Services, has) || slices.ContainsFunc(c.policy.Settings.Open, has)
}

// isKnown reports whether a port is a step of some knock.
func (c *checker) isKnown(packet Step) bool {
	_, found := slices.BinarySearchFunc(c.steps, knockStep{Step: packet}, byPort)
	return found
}

func numberWord(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// thousands writes a number with a comma for each thousand.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func directionName(descending bool) string {
	if descending {
		return "descending"
	}
	return "ascending"
}
