package report

import (
	"strings"
	"testing"

	"example.org/knockc/lang/trace"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// TestJUnitCaps: a text that no CI system would show is cut, between two characters.
func TestJUnitCaps(t *testing.T) {
	why := strings.Repeat("é", maxText)
	tr, _ := trace.Parse([]byte("0s expect ssh open for 192.0.2.7\n"))
	j := &JUnit{}
	j.Begin(&session.Trace{Name: "a.trace"})
	j.Outcome(replay.Outcome{Event: &tr.Events[0], Got: replay.State(trace.Closed), Want: replay.State(trace.Open), Why: why})
	j.End(&session.Result{Name: "a.trace"})
	text := string(j.XML())
	if want := "&#xA;... and "; !strings.Contains(text, "é"+want) {
		t.Errorf("no %q in %q", want, text[:200])
	}
	if strings.Contains(text, "\uFFFD") || len(text) > maxText+2000 {
		t.Errorf("%d bytes, or half a character", len(text))
	}
	for _, short := range []string{"", "why", strings.Repeat("x", maxText)} {
		if got := capped(short); got != short {
			t.Errorf("%d bytes are cut to %d", len(short), len(got))
		}
	}
}
