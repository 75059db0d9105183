//go:build linux

package live

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/knockc/compiler"
)

// world is a host in memory, with one table and the processes that change it. A process
// stops before each call of the host that it makes. The world decides which one goes on.
type world struct {
	now    time.Duration
	loaded loaded
	note   *note
	author *process // of the note
	holder *process // of the lock
	tracks bool     // connections

	processes []*process
	trace     []string // what has happened
	wrong     []string // what should not have

	// right is what should be loaded by what the processes have reported, or what is put
	// back there by the trial that is on.
	right   loaded
	flushed bool   // someone has deleted the table since a process has loaded one
	touched bool   // someone has ever done so
	breaks  string // the call that is to fail
	broken  string // the call that has failed
}

func newWorld(l loaded) *world {
	return &world{now: time.Hour, loaded: l, right: l, trace: []string{"at first there is " + l.String()}}
}

// process runs a command in the world.
type process struct {
	*world
	name    string
	parent  *process // that has started this one to roll back
	policy  string   // that it applies
	answer  string   // to the question whether to keep that
	tried   bool     // it has begun a trial
	slept   bool
	resume  func() (string, bool)
	kill    func()
	yield   func(string) bool
	calls   string        // what it is about to call
	until   time.Duration // when it goes on, if it sleeps or waits for the lock
	breaks  bool          // the call fails
	reads   int           // how often it has read all of the table
	changed time.Duration // when it has loaded something last
	over    bool
	reports string
}

// A killed process unwinds with this.
var errKilled = errors.New("killed")

var errBroken = errors.New("broken")

// command is run by a process, and reports how it has ended.
type command func(h *Host) (report string)

// begin starts a process, up to its first call.
func (w *world) begin(name string, run command) *process {
	p := &process{world: w, name: name}
	h := &Host{clock: p, tables: memoryTables{process: p}, notes: memoryNotes{process: p}, start: p.startRollback}
	p.resume, p.kill = iter.Pull(func(yield func(string) bool) {
		defer func() {
			p.over = true
			if r := recover(); r != nil && r != errKilled {
				panic(r)
			}
		}()
		p.yield = yield
		p.reports = run(h)
		w.report(p)
	})
	w.processes = append(w.processes, p)
	p.step()
	return p
}

// step lets the process make the call that it is about to make, and go on to the next one.
func (p *process) step() {
	if p.calls != "" {
		fails := ""
		if p.breaks {
			fails = ", which fails"
		}
		p.trace = append(p.trace, p.name+": "+p.calls+fails)
	}
	p.calls, p.until = "", 0
	if calls, ok := p.resume(); ok {
		p.calls = calls
	}
}

// ready reports whether the process need not wait.
func (p *process) ready() bool {
	return !p.over && (p.until <= p.now || p.calls == "lock" && p.holder == nil)
}

// call stops the process before a call.
func (p *process) call(what string) error {
	if !p.yield(what) {
		panic(errKilled)
	}
	if p.breaks {
		p.breaks = false
		return errBroken
	}
	return nil
}

// change is a call that must be made under the lock.
func (p *process) change(what string) error {
	err := p.call(what)
	if p.holder != p {
		p.isWrong("%s changes it without the lock", p.name)
	}
	return err
}

func (w *world) isWrong(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// Now lets a moment go by, so that no two things happen at the same time.
func (p *process) Now() time.Duration {
	p.now++
	return p.now
}

func (p *process) Wall() time.Time { return time.Unix(0, 0).Add(p.now) }

func (p *process) Sleep(d time.Duration) {
	p.until, p.slept = p.now+d, true
	if !p.yield("sleep") {
		panic(errKilled)
	}
}

// startRollback is what starts `knockc rollback -due`.
func (p *process) startRollback(command []string, _ time.Duration) error {
	err := p.call("start rollback")
	if err == nil {
		child := p.begin("rollback of "+p.name, func(h *Host) string { return reportOf("", h.RollbackWhenDue(command[0])) })
		child.parent = p
	}
	return err
}

// report takes note of how a process has ended.
func (w *world) report(p *process) {
	w.trace = append(w.trace, p.name+" reports: "+p.reports)
	keeps := p.policy != "" && strings.HasPrefix(p.reports, "loaded "+p.policy)
	if keeps {
		told := strings.Contains(p.reports, "leftovers: ")
		w.right = loaded{policy: p.policy, leftovers: told && w.loaded.leftovers}
	} else if p.reports == "removed" {
		w.right = loaded{}
	}
	if policy, kept := strings.CutPrefix(p.reports, "kept "); kept {
		policy, _, told := strings.Cut(policy, ", leftovers: ")
		w.right = loaded{policy: policy, leftovers: told && w.loaded.leftovers}
	}
	if w.holder != nil {
		return
	}
	if w.note == nil {
		w.checkLoaded()
	}
	if w.loaded.policy == p.policy && p.policy != "" && !keeps && !strings.Contains(p.reports, mayBeKept) {
		w.isWrong("%s leaves its policy", p.name)
	}
	if w.note != nil && (w.author == p || w.author == p.parent && p.slept) && w.broken != "remove note" {
		w.isWrong("%s leaves its trial", p.name)
	}
}

func (w *world) checkLoaded() {
	is := w.loaded
	is.unmended = is.unmended && w.broken != "mend guard"
	if is != w.right && !(w.flushed && is == loaded{}) {
		w.isWrong("loaded is %s, and should be %s", is, w.right)
	}
}

// flush is what someone does to the table with nft.
func (w *world) flush() {
	w.trace = append(w.trace, "flush")
	w.loaded, w.flushed, w.touched = loaded{}, true, true
	if w.note == nil {
		w.right = loaded{}
	}
}

// end kills what is left, and fails the test if something was wrong.
func (w *world) end(t *testing.T) {
	t.Helper()
	for _, p := range w.processes {
		p.kill()
		if p.reads > 1 {
			w.isWrong("%s reads the table %d times", p.name, p.reads)
		}
	}
	w.checkLoaded()
	if w.note != nil { // something has failed: the last resort is to roll back by hand
		for p := w.begin("by hand", rollsBack); !p.over; p.step() {
		}
		w.checkLoaded()
	}
	if len(w.wrong) > 0 {
		t.Fatalf("%s\n\nafter\n%s", strings.Join(w.wrong, "\n"), strings.Join(w.trace, "\n"))
	}
}

// memoryTables are the tables of a world, as a process sees them.
type memoryTables struct {
	*process
	tables // what is not needed here
}

func (t memoryTables) Close() error { return nil }

func (t memoryTables) MayRead() error { return t.call("try to read") }

func (t memoryTables) Head(name string) (*head, error) {
	if err := t.call("read head"); err != nil || t.loaded == (loaded{}) {
		return nil, err
	}
	return &head{Name: name, Policy: t.loaded.policy, Dormant: t.loaded.asleep}, nil
}

func (t memoryTables) Table(name string) (*Table, error) {
	t.reads++
	if err := t.call("read table"); err != nil || t.loaded == (loaded{}) {
		return nil, err
	}
	return &Table{head: head{Name: name, Policy: t.loaded.policy, Dormant: t.loaded.asleep}, told: newMeanings()}, nil
}

func (t memoryTables) Status(table *Table) (*Status, error) {
	return &Status{Location: Location{Table: table.Name}}, t.call("read status")
}

func (t memoryTables) Tracks() bool { return t.tracks }

// become makes something else of the table.
func (t memoryTables) become(what string, l loaded) error {
	if err := t.change(what); err != nil {
		return err
	}
	t.loaded, t.flushed, t.changed = l, false, t.now
	return nil
}

func (t memoryTables) Load(r *compiler.Ruleset, _ *codeChange) error {
	l := t.loaded // what is not named in the ruleset stays, as in the kernel
	l.policy, _ = compiler.PolicyOf(r.Mark())
	l.leftovers = l.leftovers || t.loaded.policy != "" && t.loaded.policy != l.policy
	l.unmended = false
	return t.become("load "+l.policy, l)
}

func (t memoryTables) Remove(string) error { return t.become("remove table", loaded{}) }

func (t memoryTables) Wake(string) error {
	if err := t.change("wake"); err != nil {
		return err
	}
	if t.loaded == (loaded{}) {
		t.loaded.policy = "emptied" // what AddTable makes of none
	}
	t.loaded.asleep = false
	return nil
}

func (t memoryTables) MakeDormant(string) error {
	err := t.change("put to sleep")
	if err == nil {
		t.loaded.asleep = true
	}
	return err
}

func (t memoryTables) RemoveLeftovers(*compiler.Ruleset) error {
	err := t.change("remove leftovers")
	if err == nil {
		t.loaded.leftovers = false
	}
	return err
}

func (t memoryTables) RemoveUnnamed(string, []string) error { return t.RemoveLeftovers(nil) }

func (t memoryTables) MendGuard(string) error {
	err := t.change("mend guard")
	if err == nil {
		t.loaded.unmended = false
	}
	return err
}

func (t memoryTables) TakesText() error { return t.call("try nft") }

func (t memoryTables) List(string) (string, error) {
	if err := t.call("list"); err != nil || t.loaded == (loaded{}) {
		return "", err
	}
	return t.loaded.listing(), nil
}

func (t memoryTables) LoadText(script string) error {
	l := parseLoaded(script)
	if !strings.HasPrefix(script, "add table inet knockc\ndelete table inet knockc\n") {
		l.leftovers = true
	}
	back := l
	back.unmended = l.policy != ""
	err := t.become("go back to "+l.String(), back)
	t.mustBePending()
	if l != t.right {
		t.isWrong("%s goes back to %s, but %s was there before", t.name, l, t.right)
	}
	if t.parent != nil && t.note != nil && t.now < t.note.Until {
		t.isWrong("%s goes back %s too early", t.name, t.note.Until-t.now)
	}
	return err
}

// mustBePending is a trial that a process ends: its own, if it has begun one.
func (p *process) mustBePending() {
	if p.note == nil || p.tried && p.author != p {
		p.isWrong("%s ends a trial that is over, or that of another", p.name)
	}
}

// memoryNotes are the notes of a world.
type memoryNotes struct {
	*process
	notes // what is not needed here
}

func (n memoryNotes) Lock(_ string, patience time.Duration) (unlock func(), err error) {
	n.until = n.now + patience
	if err := n.call("lock"); err != nil {
		return nil, err
	}
	if n.holder != nil {
		return nil, ErrBusy
	}
	n.holder = n.process
	return func() { n.holder = nil }, nil // also when it is killed
}

func (n memoryNotes) Find(string) (*note, error) {
	if err := n.call("find note"); err != nil || n.note == nil {
		return nil, err
	}
	found := *n.note
	return &found, nil
}

func (n memoryNotes) Write(written *note) error {
	if err := n.change("write note"); err != nil {
		return err
	}
	if n.note != nil && n.author != n.process {
		n.isWrong("%s forgets the trial of %s", n.name, n.author.name)
	}
	if n.touched && n.note == nil {
		n.right = parseLoaded(written.Listing)
	}
	n.note, n.author, n.tried = written, n.process, true
	return nil
}

func (n memoryNotes) Remove(string) error {
	err := n.change("remove note")
	n.mustBePending()
	if err == nil {
		n.note = nil
	}
	return err
}

// policyNamed is a ruleset with nothing but a mark.
func policyNamed(name string) *compiler.Ruleset {
	return &compiler.Ruleset{Table: "knockc", Chains: []*compiler.Chain{{
		Name: "guard", Hook: &compiler.Hook{}, Rules: []compiler.Rule{{Comment: "knockc policy " + name}},
	}}}
}

func reportOf(report string, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return report
}

// applies applies a policy to stay.
func applies(policy string) command {
	return func(h *Host) string {
		h.clock.(*process).policy = policy
		a, err := h.Apply(policyNamed(policy), Options{})
		if err != nil {
			return reportOf("", err)
		}
		report := keptReport(policy, a.Leftovers)
		if a.EndedTrial {
			report += ", and a trial has ended"
		}
		return report
	}
}

func keptReport(policy string, leftovers error) string {
	report := "loaded " + policy
	if leftovers != nil {
		report += ", leftovers: " + leftovers.Error()
	}
	return report
}

// tries applies a policy on trial, and answers yes or no when it is asked, or else nothing.
// If no answer is given, it is that of the process then.
func tries(policy, answer string) command {
	return func(h *Host) string {
		p := h.clock.(*process)
		p.policy, p.answer = policy, answer
		stuck := ""
		a, err := h.Apply(policyNamed(policy), Options{
			Confirm: time.Minute, Rollback: []string{"knockc"}, Stuck: func(err error) { stuck = "stuck: " + err.Error() + "; " },
		})
		if err != nil {
			return stuck + reportOf("", err)
		}
		if a.Trial == nil {
			return stuck + mayBeKept + "yes"
		}
		if lasts := a.Trial.note.Until - p.changed; lasts < time.Minute {
			p.isWrong("the policy is loaded for %s only", lasts)
		}
		p.call("answer")
		switch p.answer {
		case "yes":
			leftovers, err := a.Trial.Keep()
			return stuck + reportOf(keptReport(policy, leftovers), err)
		case "nothing":
			p.Sleep(a.Trial.Left())
		}
		err = a.Trial.TakeBack()
		if errors.Is(err, ErrTooLate) {
			kept, whether := a.Trial.Kept()
			if kept || whether != nil {
				return stuck + mayBeKept + reportOf("yes", whether)
			}
			err = nil
		}
		return stuck + reportOf("taken back", err)
	}
}

const mayBeKept = "another has kept it: "

// keeps keeps what is on trial, which another process has applied.
func keeps(h *Host) string {
	leftovers, err := h.Keep("knockc")
	if err != nil {
		return reportOf("", err)
	}
	report := "kept " + h.clock.(*process).author.policy
	if leftovers != nil {
		report += ", leftovers: " + leftovers.Error()
	}
	return report
}

func removes(h *Host) string {
	r, err := h.Remove(here)
	if r.NotEnded != nil {
		return "removed until the trial is over"
	}
	return reportOf("removed", err)
}

func rollsBackAndTries(h *Host) string {
	if err := h.Rollback("knockc"); err != nil {
		return reportOf("", err)
	}
	return tries("third", "yes")(h)
}

func rollsBack(h *Host) string { return reportOf("taken back", h.Rollback("knockc")) }

// sleepers are the processes that wait for a time, in order.
func (w *world) sleepers() []*process {
	all := slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.over || p.ready() })
	slices.SortStableFunc(all, func(a, b *process) int { return int(a.until - b.until) })
	return all
}
