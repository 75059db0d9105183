//go:build linux

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/report"
)

// printAll prints the status of each table.
func (v *viewing) printAll(w io.Writer, all []*seen, room int) {
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		v.print(w, s, room)
	}
}

// print shows the status to a person, what one watches first. If there is room only for a
// number of lines, the sources that are far from a door are counted instead, except a few; 0
// is room for all.
func (v *viewing) print(w io.Writer, s *seen, room int) {
	var head, knocks, sets strings.Builder
	v.printHead(&head, s)
	printKnocks(&knocks, s.Knocks)
	v.printSets(&sets, s.Sets)
	sources := live.Nearest(s.Standings)
	shown := len(sources)
	if room > 0 {
		const few, around = 3, 4 // the heading, two empty lines, the line that counts
		taken := strings.Count(head.String()+knocks.String()+sets.String(), "\n")
		shown = min(shown, max(room-taken-around, few))
	}
	fmt.Fprint(w, head.String(), "\n")
	printSources(w, sources, shown)
	fmt.Fprint(w, "\n", knocks.String(), sets.String())
}

// printHead says what is loaded, and what is not as it should be.
func (v *viewing) printHead(w io.Writer, s *seen) {
	say := func(format string, args ...any) {
		fmt.Fprintln(w, strings.Join(wrap(fmt.Sprintf(format, args...), report.LineWidth), "\n"))
	}
	is := fmt.Sprintf("%v, policy %s", s.Location, s.Policy)
	name := lang.Printable(v.policy)
	switch {
	case v.wanted == "":
		say("%s", is)
	case v.wanted == s.Policy:
		say("%s, which is %s", is, name)
	default:
		say("%s", is)
		say("NOT %s, which is policy %s", name, v.wanted)
	}
	switch {
	case s.ChangedByHand != "":
		say("CHANGED BY HAND: %s", s.ChangedByHand)
	case s.Dormant:
		say("DORMANT: it guards nothing")
	}
	if len(s.Unused) > 0 {
		say("NOT IN USE: no rule of table inet %s jumps to %s", s.Table, strings.Join(s.Unused, " and "))
	}
	if len(s.Unfound) > 0 {
		say("NOT ALL OPEN: the rules do not find the doors of %s where more than %d knocks guard a port: apply the policy again", strings.Join(s.Unfound, " and "), compiler.ManyGuards)
	}
	for _, k := range s.Knocks {
		if k.Codes != nil {
			say("%s", codesText(k))
		}
	}
	switch {
	case s.trial == nil:
	case *s.trial > 0:
		say("ON TRIAL: rolled back in %s, unless `%s` keeps it", leftOfTrial(*s.trial), onTable("keep", s.Table))
	default:
		say("ON TRIAL: it is being rolled back")
	}
}

// codesText is until when the one-time codes of a knock last.
func codesText(k live.KnockStatus) string {
	c := k.Codes
	switch {
	case c.Ends.IsZero():
		return fmt.Sprintf("%s: NO CODES: `knockc refill` loads some", k.Name)
	case c.Stale:
		return fmt.Sprintf("%s: OLD CODES, of another boot or before the clock was set: `knockc refill` loads new ones", k.Name)
	case c.Wait > 10*time.Minute:
		return fmt.Sprintf("%s: NO CODES before %s: a new key has some at once", k.Name, momentText(c.Begins))
	case c.Wait > 0:
		return fmt.Sprintf("%s: codes from %s until %s", k.Name, momentText(c.Begins), momentText(c.Ends))
	case c.Left <= 0:
		return fmt.Sprintf("%s: NO CODES since %s: `knockc refill` loads some", k.Name, momentText(c.Ends))
	case c.Short():
		return fmt.Sprintf("%s: CODES ONLY until %s, for %s: `knockc refill` loads more", k.Name, momentText(c.Ends), leftText(c.Left))
	}
	return fmt.Sprintf("%s: codes until %s, for %s", k.Name, momentText(c.Ends), leftText(c.Left))
}

// printSources lists the first of some sources, and counts the others.
func printSources(w io.Writer, all []live.Standing, shown int) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no door is open, and no source is under way")
		return
	}
	table := columns{wraps: []int{1}}
	table.add("SOURCE", "KNOCK", "STATE", "LEFT")
	for _, s := range all[:shown] {
		table.add(report.SourceText(s.Source), s.Knock, report.Stands(s.Symbol), leftText(s.Left))
	}
	table.print(w)
	if shown < len(all) {
		fmt.Fprintf(w, "and %d more\n", len(all)-shown)
	}
}

func printKnocks(w io.Writer, all []live.KnockStatus) {
	barred := false
	for _, k := range all {
		barred = barred || k.Barred != nil
	}
	table := columns{wraps: []int{0, 1}}
	heading := []string{"KNOCK", "SERVICES", "OPEN", "UNDER WAY", "STEPS", "OPENED", "LET IN", "REFUSED"}
	if barred {
		heading = append(heading, "BARRED")
	}
	table.add(heading...)
	for _, k := range all {
		row := []string{k.Name, k.ServicesText(), strconv.Itoa(k.Open), strconv.Itoa(k.Underway), fmt.Sprint(k.StepsDone), fmt.Sprint(k.Opened), countText(k.LetIn), countText(k.Refused)}
		if barred {
			row = append(row, countText(k.Barred))
		}
		table.add(row...)
	}
	table.print(w)
}

// countText is a number of packets, if they are counted.
func countText(n *uint64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// printSets says how full sets are, if one is over half full or all are asked for.
func (v *viewing) printSets(w io.Writer, all []live.SetStatus) {
	table := columns{wraps: []int{0}}
	table.add("SET", "SOURCES", "SIZE", "FULL")
	for _, set := range all {
		if v.all || 2*set.Elements > set.Size {
			table.add(set.Name, strconv.Itoa(set.Elements), strconv.Itoa(set.Size), fmt.Sprintf("%.0f %%", 100*float64(set.Elements)/float64(max(1, set.Size))))
		}
	}
	if len(table.rows) > 1 {
		fmt.Fprintln(w)
		table.print(w)
	}
}

// leftText is how much time is left, as exactly as one can read it.
func leftText(d time.Duration) string {
	switch {
	case d == lang.Forever:
		return "forever"
	case d < time.Minute:
		return lang.FormatDuration(d.Round(100 * time.Millisecond))
	case d < 24*time.Hour:
		return lang.FormatDuration(d.Round(time.Second))
	}
	return lang.FormatDuration(d.Round(time.Minute))
}
