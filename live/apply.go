//go:build linux

package live

import (
	"fmt"
	"time"

	"example.org/knockc/compiler"
)

// Options say how a policy is applied.
type Options struct {
	// Confirm is how long the policy is on trial; 0 if it is loaded to stay.
	Confirm time.Duration

	// Rollback is a command that calls [Host.RollbackWhenDue], for a trial.
	Rollback []string

	// Codes are the one-time codes of the policy. They are loaded with it, unless KeepCodes
	// says that only those that are there stay, as far as they are sure.
	Codes     []Codes
	KeepCodes bool

	// Stuck is told why a policy cannot be taken back yet. It is tried again until it is.
	Stuck func(error)
}

// Applied is what has come of a policy that was applied.
type Applied struct {
	Changes    []string // what is different now, see [Compare]
	Trial      *Trial   // nil if the policy stays: also if another process has kept it already
	EndedTrial bool     // another policy was on trial, but someone had deleted its table
	Codes      []Supplied
	Leftovers  error // why something of an older policy is left, out of use; nil if nothing is
}

// Apply loads a policy in place of the one that is loaded. If it fails, nothing has
// changed. It is a [TrialError] if another policy is on trial, and a [TakenBackError] if
// the policy was loaded but could not be put on trial.
func (h *Host) Apply(r *compiler.Ruleset, o Options) (*Applied, error) {
	var old *Table
	a := &Applied{}
	err := h.change(r.Table, func() (err error) {
		if old, err = h.tables.Table(r.Table); err != nil {
			return err
		}
		earlier, err := h.pendingTrial(r.Table)
		guarded := old != nil && !old.settling()
		switch {
		case err != nil:
			return err
		case earlier != nil && (guarded || o.Confirm > 0): // without a guard the door is open, trial or not
			return &TrialError{r.Table, earlier.Left()}
		case o.Confirm > 0:
			a.Trial, err = h.loadOnTrial(a, r, old, o)
			return err
		}
		return h.loadToStay(a, r, old, earlier, o)
	})
	if err != nil && a.Trial != nil {
		err = a.Trial.giveUp(err)
		a.Trial = nil
	}
	if err != nil {
		return nil, err
	}
	a.Changes = Compare(old, r)
	return a, nil
}

func (h *Host) loadToStay(a *Applied, r *compiler.Ruleset, old *Table, earlier *Trial, o Options) (err error) {
	if a.Codes, err = h.replace(r, old, o); err != nil {
		return err
	}
	if earlier != nil {
		if err := h.notes.Remove(r.Table); err != nil {
			return undone(fmt.Errorf("nothing is loaded: %w", err), h.tables.Remove(r.Table))
		}
		a.EndedTrial = true
	}
	a.Leftovers = h.tables.RemoveLeftovers(r)
	return nil
}

// replace loads a ruleset and its codes in place of a table, if there is one, or changes
// nothing.
func (h *Host) replace(r *compiler.Ruleset, old *Table, o Options) (s []Supplied, err error) {
	load := func(c *codeChange) error { return h.load(r, old != nil && old.Dormant, c) }
	if !o.KeepCodes {
		return h.supply(Location{Table: r.Table}, old, sources{policyOf(r), o.Codes}, load)
	}
	c, err := h.withoutSupply(old, r)
	if err != nil {
		return nil, err
	}
	if c.takes() { // early at boot there may be no disk to note anything, nor anything to note
		_, err = h.takeOut(Location{Table: r.Table}, old, func() error { return load(c) })
		return nil, err
	}
	return nil, load(c)
}

func (h *Host) load(r *compiler.Ruleset, asleep bool, c *codeChange) error {
	if asleep {
		if err := h.tables.Wake(r.Table); err != nil {
			return err
		}
	}
	err := h.tables.Load(r, c)
	if err != nil && asleep {
		err = undone(err, h.tables.MakeDormant(r.Table))
	}
	return err
}

// Dry is what Apply would change.
type Dry struct {
	Policy        string   // the hash of the loaded policy; "" if there is none
	Changes       []string // see [Compare]
	Before, After string   // the rules, as nft lists them
}

// Dry loads a policy into a network namespace made for that, so the kernel has agreed to
// it, and changes nothing. It needs CAP_SYS_ADMIN.
func (h *Host) Dry(r *compiler.Ruleset) (*Dry, error) {
	d, err := steady(h.tables, func() (*Dry, error) { return h.before(r) })
	if err != nil {
		return nil, err
	}
	if d.After, err = h.tables.Preview(r); err != nil {
		return nil, fmt.Errorf("the rules cannot be tried: %w", err)
	}
	return d, nil
}

func (h *Host) before(r *compiler.Ruleset) (*Dry, error) {
	old, err := h.tables.Table(r.Table)
	if err != nil {
		return nil, err
	}
	d := &Dry{Changes: Compare(old, r)}
	if old != nil {
		d.Policy = old.Policy
	}
	d.Before, err = h.tables.Rules(r.Table)
	return d, err
}
