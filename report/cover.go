package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"example.org/knockc/lang"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// covered are the policies that some trace ran against, if their cover was asked for.
func covered(s *session.Summary) []*session.Policy {
	if s.CoverSilently {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Policies), func(p *session.Policy) bool { return p.Cover == nil })
}

// writeCovers says of each policy what was met.
func writeCovers(w io.Writer, prefix string, color, rules bool, s *session.Summary) {
	for _, p := range covered(s) {
		writeCover(w, prefix, p)
		if rules {
			writeRules(w, prefix, p)
		}
		if !p.MetEnough(s.MinCover) {
			fmt.Fprintf(w, "%s%s: %s: %s\n", prefix, lang.Printable(p.File), lang.BoldRed.Paint(color, "FAIL"), coverFailure(p.Cover, *s.MinCover))
		}
	}
}

func writeCover(w io.Writer, prefix string, p *session.Policy) {
	c, file := p.Cover, lang.Printable(p.File)
	if prefix == "" {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s%s: %d of %d items met, %s%%\n", prefix, file, c.Met(), len(c.Items), percent(c.Percent()))
	for _, i := range c.Items {
		if !i.Met {
			fmt.Fprintf(w, "%s%s:%d:%d: %s\n", prefix, file, i.Span.Start.Line, i.Span.Start.Column, lang.Printable(i.Missed()))
		}
	}
}

// writeRules says which rules did not run.
func writeRules(w io.Writer, prefix string, p *session.Policy) {
	file := lang.Printable(p.File)
	all, missed := p.Cover.Rules()
	ran := all - count(missed)
	fmt.Fprintf(w, "%s%s: %d of %d rules ran, %s%%\n", prefix, file, ran, all, percent(100*float64(ran)/float64(all)))
	for _, chain := range slices.Sorted(maps.Keys(missed)) {
		fmt.Fprintf(w, "%s    did not run in %s: %s\n", prefix, chain, strings.Trim(fmt.Sprint(missed[chain]), "[]"))
	}
}

func coverFailure(c *replay.Cover, wanted float64) string {
	return fmt.Sprintf("wanted %v%% met, got %s%%", wanted, percent(c.Percent()))
}

// percent has one decimal, rounded down: 100 are all.
func percent(p float64) string { return fmt.Sprintf("%.1f", math.Floor(p*10)/10) }

func count(missed map[string][]int) int {
	n := 0
	for _, rules := range missed {
		n += len(rules)
	}
	return n
}
