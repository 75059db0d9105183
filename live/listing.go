//go:build linux

package live

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/lazy"
	"example.org/knockc/lang"
)

// withoutCodes is a listing without one-time codes and what is said of them: whoever loads it
// again must not bring spent ones back.
func withoutCodes(text string) string {
	var kept strings.Builder
	codes, mark, elements := false, false, false
	for line := range strings.Lines(text) {
		if name := setLine().FindStringSubmatch(strings.TrimSuffix(line, "\n")); name != nil {
			_, codes = compiler.KnockOfCodes(name[1])
			mark = isMarkSet(name[1])
		}
		elements = elements || codes && strings.HasPrefix(line, "\t\telements = {")
		if !mark && !elements {
			kept.WriteString(line)
		}
		if elements && strings.HasSuffix(line, "}\n") {
			elements = false
		}
		if line == "\t}\n" {
			codes, mark = false, false
		}
	}
	return kept.String()
}

// listing is a table as nft lists it, which is also how nft reads it. The elements of
// sets of sources stand apart from the rest.
type listing struct {
	lines []string
	sets  map[string]*listedSet // by name
}

type listedSet struct {
	line     int // how many lines stand before the elements
	elements []listedElement
}

// listedElement is an element of a set of sources.
type listedElement struct {
	key     string        // an address and a state number
	timeout time.Duration // [lang.Forever]
	expires time.Duration // what is left of the timeout
}

// What is found in listings.
var (
	setLine     = lazy.Regexp(`^\tset (\S+) \{$`)
	stateNumber = lazy.Regexp(`0x[0-9a-f]{8}`)
	elementText = lazy.Regexp(`^(\S+ \. 0x[0-9a-f]+)(?: timeout (\S+))?(?: expires (\S+))?$`)
	timeInMark  = lazy.Regexp(`("knockc policy \S+) loaded [^"]*`)
	mapElements = lazy.Regexp(`(?s)\t\telements = \{(.*?)\}\n`)
)

// parseListing takes a listing apart. What it does not know stays as it is.
func parseListing(text string) *listing {
	l := &listing{sets: map[string]*listedSet{}}
	var set *listedSet
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if name := setLine().FindStringSubmatch(line); name != nil {
			if _, _, ok := compiler.SetOf(name[1]); ok {
				set = &listedSet{}
				l.sets[name[1]] = set
			}
		}
		elements, found := strings.CutPrefix(line, "\t\telements = {")
		if set == nil || !found {
			if set != nil && line == "\t}" {
				set.line = len(l.lines)
				set = nil
			}
			l.lines = append(l.lines, line)
			continue
		}
		begin := i
		for !strings.HasSuffix(lines[i], "}") && i+1 < len(lines) {
			i++
		}
		all := append([]string{elements}, lines[begin+1:i+1]...)
		set.elements = parseElements(strings.TrimSuffix(strings.Join(all, ""), "}"))
	}
	return l
}

func parseElements(text string) []listedElement {
	var all []listedElement
	for part := range strings.SplitSeq(text, ",") {
		m := elementText().FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			continue
		}
		e := listedElement{m[1], lang.Forever, lang.Forever}
		if m[2] != "" {
			e.timeout, _ = lang.ParseDuration(m[2], time.Millisecond)
			e.expires, _ = lang.ParseDuration(m[3], time.Millisecond)
		}
		all = append(all, e)
	}
	return all
}

// age lets time pass: what has ended goes.
func (l *listing) age(by time.Duration) {
	for _, s := range l.sets {
		var left []listedElement
		for _, e := range s.elements {
			if e.timeout < lang.Forever {
				e.expires -= by.Truncate(time.Millisecond)
			}
			if e.expires > 0 {
				left = append(left, e)
			}
		}
		s.elements = left
	}
}

// takeOver takes the elements of a later listing in place of its own, as far as the
// rules here speak of them.
func (l *listing) takeOver(later *listing) {
	known := map[string]bool{}
	for _, line := range l.lines {
		for _, number := range stateNumber().FindAllString(line, -1) {
			known[number] = true
		}
	}
	for name, s := range l.sets {
		other := later.sets[name]
		if other == nil {
			continue
		}
		var taken []listedElement
		for _, e := range other.elements {
			if known[stateNumber().FindString(e.key)] {
				taken = append(taken, e)
			}
		}
		if isOf(name, compiler.Doors, compiler.Busy) {
			taken = longest(s.elements, taken)
		}
		s.elements = taken
	}
}

// longest has the elements of both, of each key that which lasts longest: guards must
// outlive all that they speak of, and other rules knew of less.
func longest(a, b []listedElement) []listedElement {
	best := map[string]listedElement{}
	for _, e := range slices.Concat(a, b) {
		if old, ok := best[e.key]; !ok || e.expires > old.expires {
			best[e.key] = e
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b listedElement) int { return cmp.Compare(a.key, b.key) })
}

// String is the listing with its elements, for nft.
func (l *listing) String() string {
	at := map[int]*listedSet{}
	for _, s := range l.sets {
		at[s.line] = s
	}
	var b strings.Builder
	for i, line := range l.lines {
		if s := at[i]; s != nil && len(s.elements) > 0 {
			b.WriteString("\t\telements = {\n")
			for _, e := range s.elements {
				b.WriteString("\t\t\t" + e.String() + ",\n")
			}
			b.WriteString("\t\t}\n")
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func (e listedElement) String() string {
	if e.timeout == lang.Forever {
		return e.key
	}
	return fmt.Sprintf("%s timeout %s expires %s", e.key, lang.FormatDuration(e.timeout), lang.FormatDuration(e.expires))
}
