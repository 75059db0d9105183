//go:build linux

package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// TestStatusJSON: the status has all that the schema says, each number under its own key.
func TestStatusJSON(t *testing.T) {
	v := &viewing{wanted: "0123"}
	left, letIn, refused, barred := 10*time.Second, uint64(11), uint64(12), uint64(13)
	s := &seen{trial: &left, Status: &live.Status{
		Location: live.Location{Table: "filter", Fragment: "knockc"}, Policy: "4567", Loaded: time.Date(2026, 11, 29, 9, 30, 12, 0, time.UTC), ChangedByHand: "it is dormant and guards nothing", Dormant: true, Unused: []string{"knockc_guard"}, Unfound: []string{"ssh"},
		Knocks: []live.KnockStatus{{
			Knock:     live.Knock{Name: "ssh", Steps: []string{"1001"}, Services: []string{"22"}, At: []string{"10.0.0.5"}, Close: []string{"1002"}},
			StepsDone: 1, Opened: 2, Open: 3, Underway: 4, LetIn: &letIn, Refused: &refused, Barred: &barred,
			Codes: &live.CodesStatus{Begins: time.Date(2026, 12, 6, 9, 29, 30, 0, time.UTC), Wait: 3 * time.Second, Ends: time.Date(2026, 12, 6, 9, 30, 0, 0, time.UTC), Left: 14 * time.Second, Stale: true},
		}},
		Standings: []live.Standing{
			{Source: netip.MustParsePrefix("192.0.2.7/32"), Symbol: compiler.Symbol{Knock: "ssh", Role: compiler.Grant}, Left: lang.Forever},
			{Source: netip.MustParsePrefix("192.0.2.0/24"), Symbol: compiler.Symbol{Knock: "ssh", Role: compiler.Closing, Step: 5, Of: 6}, Left: 7 * time.Second},
		},
		Sets: []live.SetStatus{{Name: "grants4", Elements: 8, Size: 9}},
	}}
	var out strings.Builder
	if err := v.printJSON(&out, s); err != nil {
		t.Fatal(err)
	}
	seen := seenJSON{}
	kind, object := checkJSON(t, out.String())
	seen.add(kind, object)
	seen.hasAll(t, "status")
	for _, want := range []string{
		"knocks.steps_done is 1", "knocks.opened is 2", "knocks.open is 3", "knocks.under_way is 4", "sources.step is 5", "sources.of is 6",
		"sources.left is 7", "sources.left is <nil>", "sets.elements is 8", "sets.size is 9",
		"loaded is 2026-11-29T09:30:12Z", "trial_left is 10", "knocks.let_in is 11", "knocks.refused is 12", "knocks.barred is 13",
		"knocks.codes.until is 2026-12-06T09:30:00Z", "knocks.codes.left is 14", "knocks.codes.stale is true",
	} {
		if !seen["status."+want] {
			t.Errorf("not: %s, in %s", want, out.String())
		}
	}
}
