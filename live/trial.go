//go:build linux

package live

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/knockc/compiler"
)

// Trial is a policy that is loaded for a time, and taken back unless someone keeps it. It
// is pending as long as its note is there. The process that ends it, which may be another
// one, does so under the lock and removes the note last: if it dies before that, the next
// process does all of it again.
type Trial struct {
	host    *Host
	note    *note
	ruleset *compiler.Ruleset // on trial, nil if this process has not applied it
	options Options           // how it was applied
}

// note is what was there before a trial.
type note struct {
	Table   string
	Listed  time.Duration `json:"Taken"` // when the listing was made, by the [Clock]; no two trials have the same
	Until   time.Duration // when the trial ends, by the [Clock]
	Listing string        // of nft, without one-time codes; empty if there was no table or no policy in it
	Before  sources       // of the codes that were loaded with it

	Policy string   // the hash of the one on trial
	Names  []string // of what it is made of, see [namesOf]
}

// loadOnTrial loads a policy for a time. If that fails and the trial is not nil, it must
// be taken back.
func (h *Host) loadOnTrial(a *Applied, r *compiler.Ruleset, old *Table, o Options) (t *Trial, err error) {
	t = &Trial{host: h, ruleset: r, options: o}
	if err := t.begin(old, o); err != nil {
		return nil, err
	}
	a.Codes, err = h.replace(r, old, o)
	var notUndone *NotUndoneError
	switch {
	case errors.As(err, &notUndone):
		return t, err
	case err != nil: // nothing is loaded
		return nil, undone(err, h.notes.Remove(r.Table))
	}
	return t, t.endIn(o.Confirm) // it has taken time to load
}

// begin takes note of what is there, and starts a process that goes back to it if this one
// dies. It is an error if going back could fail.
func (t *Trial) begin(old *Table, o Options) (err error) {
	h, table := t.host, t.ruleset.Table
	t.note = &note{Table: table, Listed: h.clock.Now(), Policy: policyOf(t.ruleset), Names: namesOf(t.ruleset)}
	if old != nil && !old.settling() {
		t.note.Listing, err = h.tables.List(table)
		if err == nil && old.hasCodes() {
			t.note.Before, err = h.sourcesOf(table, old.Policy)
		}
	} else {
		err = h.tables.TakesText()
	}
	if err != nil {
		return err
	}
	if err = t.endIn(o.Confirm); err != nil {
		return err
	}
	if err = h.start(o.Rollback, o.Confirm); err != nil {
		err = fmt.Errorf("nothing would go back if this process died, so nothing is loaded: %w", err)
		return undone(err, h.notes.Remove(table))
	}
	return nil
}

// endIn makes the trial last as long as that from now on.
func (t *Trial) endIn(d time.Duration) error {
	n := *t.note
	n.Until = t.host.clock.Now() + d
	if err := t.host.notes.Write(&n); err != nil {
		return fmt.Errorf("cannot record the trial: %w", err)
	}
	t.note = &n
	return nil
}

// Left is how long the trial still lasts, less than nothing if it should have ended.
func (t *Trial) Left() time.Duration { return t.note.Until - t.host.clock.Now() }

// pendingTrial is the trial of a table; nil if there is none.
func (h *Host) pendingTrial(table string) (*Trial, error) {
	n, err := h.notes.Find(table)
	if err != nil || n == nil {
		return nil, err
	}
	return &Trial{host: h, note: n}, nil
}

// OnTrial finds the table whose policy is on trial: the one of that name, or without a name
// the only one. It is a [NoTrialError] if there is none, and a [SeveralError] if there are
// more.
func (h *Host) OnTrial(name string) (table string, err error) {
	if name != "" {
		return name, nil
	}
	if err := h.tables.MayRead(); err != nil {
		return "", err
	}
	tables, err := h.notes.Tables()
	switch {
	case err != nil:
		return "", err
	case len(tables) == 0:
		return "", &NoTrialError{}
	case len(tables) > 1:
		several := &SeveralError{}
		for _, table := range tables {
			several.Locations = append(several.Locations, Location{Table: table})
		}
		return "", several
	}
	return tables[0], nil
}

// TrialLeft is how long the policy in a table is still on trial, less than nothing if the
// trial should have ended; false if none is on trial.
func (h *Host) TrialLeft(table string) (left time.Duration, pending bool, err error) {
	t, err := h.pendingTrial(table)
	if err != nil || t == nil {
		return 0, false, err
	}
	return t.Left(), true, nil
}

// Pending reports whether nobody has ended the trial, and reads again until when it lasts.
func (t *Trial) Pending() (bool, error) {
	n, err := t.host.notes.Find(t.note.Table)
	if err != nil || n == nil || n.Listed != t.note.Listed {
		return false, err
	}
	t.note = n
	return true, nil
}

// Keep keeps the policy that is on trial, as it was: what someone has done to the table
// meanwhile is undone. If another process has kept it, that is enough. Leftovers are as in
// [Applied]. If the policy cannot be kept it is taken back; then, or if that was done
// already ([ErrTooLate]), it is a [TakenBackError].
func (t *Trial) Keep() (leftovers, err error) {
	err = t.host.locked(t.note.Table, longPatience, func() (err error) {
		leftovers, err = t.keep()
		return err
	})
	if err != nil {
		return nil, t.giveUp(err)
	}
	return leftovers, nil
}

func (t *Trial) keep() (leftovers, err error) {
	h, table := t.host, t.note.Table
	pending, err := t.Pending()
	if err != nil {
		return nil, err
	}
	if !pending {
		kept, err := t.Kept()
		switch {
		case err != nil:
			return nil, err
		case !kept:
			return nil, ErrTooLate
		}
		return h.tables.RemoveLeftovers(t.ruleset), nil
	}
	if err := t.loadAgain(); err != nil {
		return nil, err
	}
	leftovers = h.tables.RemoveLeftovers(t.ruleset)
	if err := h.notes.Remove(table); err != nil {
		return nil, fmt.Errorf("the policy cannot be kept: %w", err)
	}
	return leftovers, nil
}

// loadAgain undoes what someone has done to the table meanwhile.
func (t *Trial) loadAgain() error {
	h, table := t.host, t.note.Table
	if len(t.options.Codes) > 0 {
		is, err := h.tables.Table(table)
		if err == nil {
			_, err = h.replace(t.ruleset, is, t.options)
		}
		return err
	}
	is, err := h.tables.Head(table)
	if err == nil {
		err = h.load(t.ruleset, is != nil && is.Dormant, nil)
	}
	return err
}

// Kept reports whether the policy of a trial that has ended is loaded, to stay.
func (t *Trial) Kept() (bool, error) {
	is, err := t.host.tables.Head(t.note.Table)
	if err != nil || !t.isLoaded(is) {
		return false, err
	}
	next, err := t.host.pendingTrial(t.note.Table)
	return next == nil, err
}

// isLoaded reports whether the policy is in a table and guards.
func (t *Trial) isLoaded(is *head) bool {
	return is != nil && is.Policy == t.note.Policy && !is.Dormant
}

// giveUp takes the policy back because of an error. It is nil if another process has kept
// the policy meanwhile.
func (t *Trial) giveUp(because error) error {
	err := t.TakeBack()
	if errors.Is(err, ErrTooLate) {
		err = nil
		if kept, _ := t.Kept(); kept {
			return nil
		}
	}
	return &TakenBackError{because, err}
}

// TakeBack takes the policy back. It does not give up: as long as it fails the policy is
// loaded. The error is nil, an [ErrNotEnded], an [ErrNoCodes], or [ErrTooLate] if someone
// else has ended the trial.
func (t *Trial) TakeBack() error {
	for tries := 1; ; tries++ {
		over, err := t.tryTakeBack(false)
		if over {
			return err
		}
		if tries == 1 && t.options.Stuck != nil {
			t.options.Stuck(err)
		}
		t.host.clock.Sleep(time.Second)
	}
}

// tryTakeBack takes the policy back, or with onlyIfDue if the time of the trial is over. It
// reports whether the trial is.
func (t *Trial) tryTakeBack(onlyIfDue bool) (over bool, err error) {
	err = t.host.locked(t.note.Table, longPatience, func() error {
		pending, err := t.Pending()
		switch {
		case err != nil:
			return err
		case !pending:
			over = true
			return ErrTooLate
		case onlyIfDue && t.Left() > 0:
			return nil
		}
		err = t.restore()
		over = err == nil || isBack(err)
		return err
	})
	return over, err
}

// restore goes back to what was there before, and ends the trial. It must be pending. Only
// if the error [isBack] has it changed anything.
func (t *Trial) restore() error {
	h, table := t.host, t.note.Table
	script, err := t.script()
	if err != nil {
		return err
	}
	if _, err := h.takeOut(Location{Table: table}, t.withCodes(), func() error { return h.tables.LoadText(script) }); err != nil {
		return err
	}
	_ = h.tables.MendGuard(table) // what is not mended is room that is lost, or a door to be opened again
	noCodes := t.restoreCodes()
	if err := h.notes.Remove(table); err != nil {
		return fmt.Errorf("%w: %w", ErrNotEnded, err)
	}
	return noCodes
}

// isBack reports whether an error is about a policy that is taken back all the same.
func isBack(err error) bool { return errors.Is(err, ErrNotEnded) || errors.Is(err, ErrNoCodes) }

// withCodes reads the table if it can have one-time codes. That it cannot be read must not
// keep the policy.
func (t *Trial) withCodes() *Table {
	if t.note.Before.Policy == "" && !slices.ContainsFunc(t.note.Names, isNameOfCodes) {
		return nil
	}
	is, _ := t.host.tables.Table(t.note.Table)
	return is
}

// restoreCodes loads the one-time codes of the policy that is back. Its listing has none, so
// none that was spent comes back.
func (t *Trial) restoreCodes() error {
	if t.note.Before.Policy == "" {
		return nil
	}
	at := Location{Table: t.note.Table}
	if len(t.note.Before.Codes) == 0 {
		return fmt.Errorf("%w: %w", ErrNoCodes, &UnknownCodesError{at})
	}
	is, err := t.host.tables.Table(at.Table)
	if err == nil {
		_, err = t.host.supply(at, is, t.note.Before, func(c *codeChange) error { return t.host.tables.LoadCodes(at, c) })
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCodes, err)
	}
	return nil
}

// script makes what was there before, with what sources have done since.
func (t *Trial) script() (string, error) {
	n := t.note
	script := fmt.Sprintf("add table inet %s\ndelete table inet %s\n", n.Table, n.Table)
	if n.Listing == "" {
		return script, nil
	}
	old := parseListing(n.Listing)
	old.age(t.host.clock.Now() - n.Listed)
	current, err := t.host.tables.List(n.Table)
	if err != nil {
		return "", err
	}
	if current != "" {
		old.takeOver(parseListing(current))
	}
	return script + old.String(), nil
}
