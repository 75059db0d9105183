//go:build linux

package live

import (
	"strings"
	"testing"
)

// TestTrial: what becomes of a trial, and what the commands report.
func TestTrial(t *testing.T) {
	for _, test := range []struct {
		events  string
		loaded  string
		reports string // in the order of the commands
	}{
		{"try; yes", "new", "loaded new"},
		{"try; no", "old", "taken back"},
		{"try; nothing; time passes", "old", "taken back"},
		{"try; time passes", "old", ""},
		{"try; time passes; yes", "old", "error: too late: the trial has ended already"},
		{"try; time passes; no", "old", "taken back"},
		{"try; yes; time passes", "new", "loaded new"},
		{"try; apply dies; time passes", "old", ""},
		{"try; rollback dies; nothing; time passes", "old", "taken back"},
		{"try; rollback dies; time passes; yes", "new", "loaded new"},
		{"roll back", "old", "error: no policy is on trial in table inet knockc"},
		{"try; roll back; yes", "old", "error: too late: the trial has ended already; taken back"},
		{"try; roll back; roll back", "old", "taken back; error: no policy is on trial in table inet knockc"},

		// Another process keeps it. It does not load it again.
		{"keep", "old", "error: no policy is on trial in table inet knockc"},
		{"try; keep; time passes", "new", "kept new"},
		{"try; keep; yes", "new", "loaded new; kept new"},
		{"try; keep; no", "new", "another has kept it: yes; kept new"},
		{"try; apply dies; keep; time passes", "new", "kept new"},
		{"try; knock; keep", "new, open", "kept new"},
		{"try; roll back; keep", "old", "taken back; error: no policy is on trial in table inet knockc"},
		{"try; keep; roll back", "new", "kept new; error: no policy is on trial in table inet knockc"},
		{"try; keep; apply; no", "third", "taken back; kept new; loaded third"},
		{"try; flush; keep; yes", "new", "loaded new; error: the policy on trial is not loaded any more: someone has changed its table"},
		{"try; sleep; keep; no", "old", "taken back; error: the policy on trial is not loaded any more: someone has changed its table"},
		{"try; remove note breaks; keep; no", "old", "taken back; error: the policy cannot be kept: broken"},
		{"try; remove leftovers breaks; keep", "new over another", "kept new, leftovers: broken"},

		// Other commands are refused meanwhile, except remove, which ends the trial.
		{"try; apply", "new over another", "error: a policy is on trial in table inet knockc"},
		{"try; try", "new over another", "error: a policy is on trial in table inet knockc"},
		{"try; remove; yes", "nothing", "error: too late: the trial has ended already; removed"},
		{"try; remove; time passes", "nothing", "removed"},
		{"try; remove; apply; no", "third", "taken back; removed; loaded third"},
		{"try; roll back; try; no", "new over another", "taken back; taken back"}, // the second one is still on
		{"try; roll back; try; time passes", "old", "taken back"},

		// Someone deletes the table: yes loads it again, and an apply ends the trial.
		{"try; flush; yes", "new", "loaded new"},
		{"try; flush; no", "old", "taken back"},
		{"try; flush; time passes", "old", ""},
		{"try; flush; apply; yes", "third", "error: too late: the trial has ended already; loaded third, and a trial has ended"},
		{"try; flush; try", "nothing", "error: a policy is on trial in table inet knockc"},

		// Someone has put the table to sleep: a policy that is loaded wakes it.
		{"sleep; apply", "third", "loaded third"},
		{"sleep; load third breaks; apply", "old asleep", "error: broken"},
		{"sleep; try; no", "old asleep", "taken back"},
		{"try; sleep; yes", "new", "loaded new"},

		// What sources have done on trial stays.
		{"knock; try; yes", "new, open", "loaded new"},
		{"try; knock; yes", "new, open", "loaded new"},
		{"try; knock; no", "old, open", "taken back"},
		{"try; knock; time passes", "old, open", ""},
		{"knock; try; flush; no", "old, open", "taken back"}, // what they have done before is all that is known
		{"knock; try; mend guard breaks; no", "old, open, unmended", "taken back"},
		{"flush; try; knock; no", "nothing", "taken back"},

		// What cannot be removed of an older policy stays.
		{"remove leftovers breaks; apply", "third over another", "loaded third, leftovers: broken"},
		{"remove leftovers breaks; apply; try; time passes", "third over another", "loaded third, leftovers: broken"},
		{"remove leftovers breaks; try; yes", "new over another", "loaded new, leftovers: broken"},

		// What fails changes nothing.
		{"lock breaks; try", "old", "error: broken"},
		{"list breaks; try", "old", "error: broken"},
		{"flush; try nft breaks; try", "nothing", "error: broken"}, // it could not be taken back
		{"write note breaks; try", "old", "error: cannot record the trial: broken"},
		{"start rollback breaks; try", "old", "error: nothing would go back if this process died, so nothing is loaded: broken"},
		{"load new breaks; try", "old", "error: broken"},
		{"load third breaks; apply", "old", "error: broken"},
		{"try; load new breaks; yes", "old", "error: broken"},
		{"try; find note breaks; yes", "old", "error: broken"},
		{"try; remove note breaks; yes", "old", "error: the policy cannot be kept: broken"},
		{"try; lock breaks; no; time passes", "old", "stuck: broken; taken back"},
		{"try; go back to old breaks; no; time passes", "old", "stuck: broken; taken back"},
		{"try; go back to old breaks; time passes", "old", ""},
		{"try; flush; remove note breaks; apply", "nothing", "error: nothing is loaded: broken"},
		{"try; remove note breaks; roll back; try", "old",
			"error: the policy is rolled back, but apply still refuses other policies: broken; error: a policy is on trial in table inet knockc"},
		{"try; remove note breaks; remove; time passes", "old", "removed until the trial is over"},
	} {
		w := newWorld(loaded{policy: "old"})
		for event := range strings.SplitSeq(test.events, "; ") {
			w.happens(event)
		}
		var reports []string
		for _, p := range w.processes {
			if p.parent == nil && p.over && p.reports != "" {
				reports = append(reports, p.reports)
			}
			p.kill()
		}
		if got := strings.Join(reports, "; "); w.loaded.String() != test.loaded || got != test.reports {
			t.Errorf("%s\nloads %s and reports %q\nwant %s and %q\nafter\n%s", test.events, w.loaded, got, test.loaded, test.reports, strings.Join(w.trace, "\n"))
		}
	}
}

// happens lets an event happen, and all that follows from it before time passes.
func (w *world) happens(event string) {
	switch event {
	case "try":
		w.begin("apply", tries("new", ""))
	case "apply":
		w.begin("apply", applies("third"))
	case "remove":
		w.begin("remove", removes)
	case "keep":
		w.begin("keep", keeps)
	case "roll back":
		w.begin("roll back", rollsBack)
	case "yes", "no", "nothing":
		w.processes[0].answer = event
	case "apply dies":
		w.processes[0].dies()
	case "rollback dies":
		w.processes[1].dies()
	case "sleep":
		w.loaded.asleep = true
	case "flush":
		w.flush()
	case "knock":
		w.loaded.open = true
	case "time passes":
		for len(w.sleepers()) > 0 {
			w.timePasses()
			w.goOn()
		}
	default:
		w.breaks = strings.TrimSuffix(event, " breaks")
	}
	w.goOn()
}

// goOn lets all processes go on until they wait for time or an answer.
func (w *world) goOn() {
	for i := 0; i < len(w.processes); i++ {
		p := w.processes[i]
		for p.ready() && (p.calls != "answer" || p.answer != "") {
			if p.calls == w.breaks {
				p.breaks, w.breaks = true, ""
			}
			p.step()
		}
	}
}
