package report_test

import (
	"strings"
	"testing"
	"time"

	"example.org/knockc/lang/trace"
	"example.org/knockc/report"
	"example.org/knockc/sim/replay"
	"example.org/knockc/sim/session"
)

// TestColor: verdicts and failures have colours on a terminal, and the columns stay
// where they are.
func TestColor(t *testing.T) {
	tr, _ := trace.Parse([]byte("0s 192.0.2.7 -> 22 => accept\n+0s 192.0.2.7 -> 1000\n"))
	show := func(color bool) string {
		var b strings.Builder
		p := &report.Table{Out: &b, Color: color}
		p.Begin(&session.Trace{Name: "a.trace", Events: func(yield func(*trace.Event) bool) {
			for i := range tr.Events {
				if !yield(&tr.Events[i]) {
					return
				}
			}
		}})
		p.Outcome(replay.Outcome{Event: &tr.Events[0], DstPort: 22, Got: replay.Verdict(trace.Drop), Want: replay.Verdict(trace.Accept), Why: "no grant"})
		p.Outcome(replay.Outcome{
			Event: &tr.Events[1], DstPort: 1000, Got: replay.Verdict(trace.Drop), Moves: []replay.Move{{Knock: "ssh", Kind: replay.Stepped, Step: 1, Of: 2, Until: 5 * time.Second}},
		})
		p.End(&session.Result{Name: "a.trace"})
		return b.String()
	}
	colored := show(true)
	for _, want := range []string{
		"-> 22    \x1b[31mdrop\x1b[0m\n",
		"-> 1000  \x1b[31mdrop  \x1b[0m  ssh 1/2 until 5s\n",
		"a.trace:1: \x1b[1;31mFAIL\x1b[0m: wanted accept",
	} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in:\n%q", want, colored)
		}
	}
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[1;31m", "", "\x1b[0m", "").Replace(colored)
	if want := show(false); plain != want {
		t.Errorf("without its colours\n%s\nwant\n%s", plain, want)
	}
}
