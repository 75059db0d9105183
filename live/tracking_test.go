//go:build linux

package live

import (
	"errors"
	"testing"
)

// TestTracking: connection tracking is switched on where that is needed, and off again
// unless a policy has come or another process has switched it on.
func TestTracking(t *testing.T) {
	for _, test := range []struct {
		before   string // loaded
		tracks   bool
		during   string // loaded, as long as nothing is undone
		then     string // what is loaded by then; empty if that is all
		after    string
		reported string
	}{
		{"", false, settling, "", "", "interrupted"},
		{"", false, settling, "new", "new", "interrupted"},
		{"", true, "", "", "", "none"},
		{"old", false, "old", "", "old", "none"},
		{settling, true, settling, "", settling, "interrupted"},
	} {
		w := newWorld(loaded{policy: test.before})
		w.tracks = test.tracks
		p := w.begin("apply", func(h *Host) string {
			tracking, err := h.StartTracking(policyNamed("new"))
			if err != nil || tracking == nil {
				return reportOf("none", err)
			}
			h.clock.(*process).call("answer")
			return tracking.Undo(errors.New("interrupted")).Error()
		})
		w.goOn()
		if w.loaded.policy != test.during {
			t.Errorf("over %q tracking: %v loads %q, want %q", test.before, test.tracks, w.loaded, test.during)
		}
		if test.then != "" {
			w.loaded.policy = test.then
		}
		p.answer = "go on"
		w.goOn()
		if w.loaded.policy != test.after || p.reports != test.reported {
			t.Errorf("over %q tracking: %v leaves %q, want %q, and reports %q, want %q", test.before, test.tracks, w.loaded, test.after, p.reports, test.reported)
		}
	}
}

// TestTrackingBreaks: what cannot be undone is told.
func TestTrackingBreaks(t *testing.T) {
	for call, want := range map[string]string{
		"read head":     "error: broken",
		"lock":          "error: broken",
		"load none yet": "error: broken",
		"remove table":  "interrupted; going back failed: broken",
	} {
		w := newWorld(loaded{})
		w.breaks = call
		p := w.begin("apply", func(h *Host) string {
			tracking, err := h.StartTracking(policyNamed("new"))
			if err != nil {
				return reportOf("", err)
			}
			return tracking.Undo(errors.New("interrupted")).Error()
		})
		w.goOn()
		if p.reports != want {
			t.Errorf("if %s breaks it reports %q, want %q", call, p.reports, want)
		}
		p.kill()
	}
}
