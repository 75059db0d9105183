//go:build linux

package live

import (
	"errors"
	"time"
)

// Rollback takes the policy back that is on trial; a [NoTrialError] if none is.
func (h *Host) Rollback(table string) error {
	return h.change(table, func() error {
		t, err := h.trial(table)
		if err != nil {
			return err
		}
		return t.restore()
	})
}

// trial is the one that is pending; a [NoTrialError] if none is.
func (h *Host) trial(table string) (*Trial, error) {
	t, err := h.pendingTrial(table)
	if err == nil && t == nil {
		err = &NoTrialError{table}
	}
	return t, err
}

// RollbackWhenDue waits for the end of the trial that is pending when it is called, and
// takes the policy back unless someone has ended the trial by then. It does not give up:
// nobody else may be left to do it.
func (h *Host) RollbackWhenDue(table string) error {
	t, err := h.pendingTrial(table)
	if err != nil || t == nil {
		return err
	}
	for {
		h.clock.Sleep(t.Left())
		over, err := t.tryTakeBack(true) // it may last longer by now
		if errors.Is(err, ErrTooLate) {
			return nil
		}
		if over {
			return err
		}
		if err != nil {
			h.clock.Sleep(time.Second)
		}
	}
}
