package lang

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A port scan sends one packet to each port, 1 to 65535 or the other way, of
// each protocol that the knock has, and then begins again. What matters to a
// knock are the packets at its own steps, and whether there is a wrong one
// between two of them: so a scan is followed from step to step.

// scans says how many port scans open a knock's door, and how slow they may be.
func (c *checker) scans(k *Knock) {
	var ways []string
	fewest := 0
	for _, descending := range []bool{false, true} {
		n, rate := c.scan(k, descending)
		if n == 0 {
			continue
		}
		if fewest == 0 || n < fewest {
			fewest = n
		}
		ways = append(ways, fmt.Sprintf("%s %s port %s at %s %s/s or more",
			numberWord(n), directionName(descending), Plural(n, "scan"), thousands(rate), Plural(rate, "packet")))
	}
	if len(ways) == 0 {
		return
	}
	code := CodeScans
	if fewest == 1 {
		code = CodeScan
	}
	f := c.add(code, k.Steps[0].Span.To(k.Steps[len(k.Steps)-1].Span), "this door opens to %s", strings.Join(ways, ", or to "))
	if c.safeWithReset(k) {
		f.hint("add `reset any`")
		if _, given := k.Given[ClauseReset]; !given {
			f.Fix = Edit{k.closing(), "reset any "}
		}
	} else {
		f.hint("use steps that are not neighbours")
	}
}

// safeWithReset reports whether `reset any` would keep port scans from opening a
// knock's door.
func (c *checker) safeWithReset(k *Knock) bool {
	changed := *k
	changed.Reset.Mode = ResetAny
	up, _ := c.scan(&changed, false)
	down, _ := c.scan(&changed, true)
	return k.Reset.Mode != ResetAny && up == 0 && down == 0
}

// maxScans limits how many scans in a row are followed.
const maxScans = 10

// scan computes how many scans in one direction open the door, and the lowest rate, in
// packets a second, at which they do. Both are 0 if maxScans do not open it.
func (c *checker) scan(k *Knock, descending bool) (scans, rate int) {
	o, ok := c.order(k, descending)
	if !ok || !slices.ContainsFunc(o.stops, func(s scanStop) bool { return !s.wrong }) {
		return 0, 0 // it cannot, or begins again at every step
	}
	opened := o.play(min(len(k.Steps)+1, maxScans), 0)
	if opened == nil {
		return 0, 0
	}
	scans = opened.attempt/o.length + 1
	// The rate is at most what this path needs, and mostly just that.
	high := o.rateOf(opened)
	for high > 1 && o.play(scans, high-1) != nil {
		low := 1 // bisect: rates below low do not open, high does
		for high--; low < high; {
			if middle := low + (high-low)/2; o.play(scans, middle) != nil {
				high = middle
			} else {
				low = middle + 1
			}
		}
	}
	return scans, high
}

// scanOrder is the way of a scan past the steps of a knock.
type scanOrder struct {
	k        *Knock
	open     []Service // merged
	services []Service // of the knock, merged
	length   int       // packets in a scan
	stops    []scanStop
}

// scanStop is a step that the scan comes by.
type scanStop struct {
	place int // of its packet in the scan, from 0
	step  Step
	wrong bool // something wrong lies between the stop before and this one
}

const ports = 65535

// order finds the stops of a scan; false if the knock has pings, which no port
// scan sends.
func (c *checker) order(k *Knock, descending bool) (*scanOrder, bool) {
	protos := 1
	for _, s := range k.Steps {
		if s.Proto == Ping {
			return nil, false
		}
		if s.Proto != k.Steps[0].Proto {
			protos = 2
		}
	}
	o := &scanOrder{k: k, open: c.open, services: Merged(k.Services), length: ports * protos}
	steps := k.AllSteps()
	o.stops = make([]scanStop, 0, len(steps))
	for _, s := range steps {
		if s.Proto == Ping || protos == 1 && s.Proto != k.Steps[0].Proto {
			continue
		}
		place := (int(s.Port) - 1) * protos
		if protos == 2 {
			place += int(s.Proto)
		}
		if descending {
			place = o.length - 1 - place
		}
		o.stops = append(o.stops, scanStop{place: place, step: s})
	}
	slices.SortFunc(o.stops, func(a, b scanStop) int { return cmp.Compare(a.place, b.place) })
	o.stops = slices.CompactFunc(o.stops, func(a, b scanStop) bool { return a.place == b.place })
	if k.Reset.Mode != ResetNone {
		c.findWrong(o, protos, descending)
	}
	return o, true
}

// findWrong looks between the stops for packets that reset the source.
func (c *checker) findWrong(o *scanOrder, protos int, descending bool) {
	between := func(after, before int) bool { // places, exclusive
		if descending {
			after, before = o.length-1-before, o.length-1-after
		}
		if protos == 1 {
			return after+1 < before && c.wrongIn(o, o.k.Steps[0].Proto, after+2, before)
		}
		return c.wrongIn(o, TCP, (after+2)/2+1, (before+1)/2) || c.wrongIn(o, UDP, (after+1)/2+1, before/2)
	}
	last := len(o.stops) - 1
	o.stops[0].wrong = between(-1, o.stops[0].place) || between(o.stops[last].place, o.length)
	for i := range last {
		o.stops[i+1].wrong = between(o.stops[i].place, o.stops[i+1].place)
	}
}

// wrongIn reports whether one of the ports from first to last, none of which is
// a step of the knock, resets its sources.
func (c *checker) wrongIn(o *scanOrder, proto Proto, first, last int) bool {
	if first > last {
		return false
	}
	if o.k.Reset.Mode == ResetKnown {
		i, _ := slices.BinarySearchFunc(c.closedSteps, knockStep{Step: &Step{Proto: proto, Port: uint16(first)}}, byPort)
		return i < len(c.closedSteps) && c.closedSteps[i].Proto == proto && int(c.closedSteps[i].Port) <= last
	}
	for first <= last {
		covered := max(lastAt(c.open, proto, first), lastAt(o.services, proto, first))
		if covered < first {
			return true
		}
		first = covered + 1
	}
	return false
}

// play follows some scans and returns the path that opens the door first, in
// numbers of packets from 0, or nil.
func (o *scanOrder) play(scans, rate int) *path {
	m := newMachine(o.k, rate, o.open)
	for scan := range scans {
		for _, s := range o.stops {
			at := scan*o.length + s.place
			if s.wrong {
				m.attempt(at, s.step, true)
			}
			if p := m.attempt(at, s.step, false); p != nil {
				return p
			}
		}
	}
	return nil
}

// rateOf is a rate at which the path is in time.
func (o *scanOrder) rateOf(p *path) int {
	rate := 1
	var first int
	for at := p; at != nil; at = at.before {
		first = at.attempt
	}
	for at := p; at.before != nil; at = at.before {
		rate = max(rate, rateFor(at.attempt-at.before.attempt, int64(o.k.Within)))
		if o.k.Total != 0 {
			rate = max(rate, rateFor(at.attempt-first, int64(o.k.Total)))
		}
	}
	return rate
}

// rateFor is the lowest whole rate at which a number of packets takes less than
// some nanoseconds.
func rateFor(packets int, limit int64) int {
	return int(int64(packets)*1e9/limit) + 1
}

func directionName(descending bool) string {
	if descending {
		return "descending"
	}
	return "ascending"
}

func numberWord(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// thousands writes a number with a comma for each thousand.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
