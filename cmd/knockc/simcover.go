package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"knockc/lang"
	"knockc/sim/replay"
)

// printCovers says of each policy what was met, and reports whether it was enough.
func (r *simulation) printCovers(prefix string) bool {
	enough := true
	for _, p := range r.policies.inOrder {
		if p.cover == nil {
			continue // no trace came to run against it
		}
		held := r.minCover == nil || p.cover.Percent() >= *r.minCover
		enough = enough && held
		if r.json {
			r.jsonCover(p, held)
		} else {
			r.printCover(prefix, p, held)
		}
		if r.minCover != nil && r.asksForTests() {
			s := &suite{file: p.file}
			r.tested(s, coverTest(p, *r.minCover, held))
			r.suites = append(r.suites, s)
		}
	}
	return enough
}

func (r *simulation) printCover(prefix string, p *simPolicy, held bool) {
	c, file := p.cover, lang.Printable(p.file)
	if prefix == "" {
		fmt.Fprintln(r.out)
	}
	fmt.Fprintf(r.out, "%s%s: %d of %d met, %s%%\n", prefix, file, c.Met(), len(c.Items), percent(c.Percent()))
	for _, i := range c.Items {
		if !i.Met {
			fmt.Fprintf(r.out, "%s%s:%d:%d: %s\n", prefix, file, i.Span.Start.Line, i.Span.Start.Column, lang.Printable(i.Missed()))
		}
	}
	all, missed := c.Rules()
	ran := all - count(missed)
	fmt.Fprintf(r.out, "%s%s: %d of %d rules ran, %s%%\n", prefix, file, ran, all, percent(100*float64(ran)/float64(all)))
	for _, chain := range slices.Sorted(maps.Keys(missed)) {
		fmt.Fprintf(r.out, "%s    not in %s: %s\n", prefix, chain, strings.Trim(fmt.Sprint(missed[chain]), "[]"))
	}
	if !held {
		fmt.Fprintf(r.out, "%s%s: %s: %s\n", prefix, file, paint(r.outColor, boldRed, "FAIL"), coverFailure(c, *r.minCover))
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

// coverTest is the test that enough was met.
func coverTest(p *simPolicy, wanted float64, held bool) test {
	t := test{name: fmt.Sprintf("cover of %v%%", wanted)}
	if !held {
		t.failure = coverFailure(p.cover, wanted)
	}
	return t
}

// jsonCovered is a policy's cover as a JSON object.
type jsonCovered struct {
	Cover   string       `json:"cover"` // the policy
	Met     int          `json:"met"`
	Of      int          `json:"of"`
	Percent json.Number  `json:"percent"`
	Missed  []jsonMissed `json:"missed"`
	Rules   struct {
		Ran    int              `json:"ran"`
		Of     int              `json:"of"`
		Missed map[string][]int `json:"missed"` // by chain, counted from 1
	} `json:"rules"`
	OK *bool `json:"ok,omitempty"` // if there is a least percentage
}

type jsonMissed struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
}

func (r *simulation) jsonCover(p *simPolicy, held bool) {
	c := p.cover
	j := jsonCovered{Cover: p.file, Met: c.Met(), Of: len(c.Items), Percent: json.Number(percent(c.Percent())), Missed: []jsonMissed{}}
	for _, i := range c.Items {
		if !i.Met {
			j.Missed = append(j.Missed, jsonMissed{i.Span.Start.Line, i.Span.Start.Column, i.Missed()})
		}
	}
	j.Rules.Of, j.Rules.Missed = c.Rules()
	j.Rules.Ran = j.Rules.Of - count(j.Rules.Missed)
	if r.minCover != nil {
		j.OK = &held
	}
	writeJSON(r.out, j)
}
