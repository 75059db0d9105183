//go:build linux

package live

import "fmt"

// Keep keeps the policy that is on trial, from another process than the one that has
// applied it. Leftovers are as in [Applied]. It is a [NoTrialError] if none is on trial,
// and an [ErrNotAsTried] if its table is gone or dormant, or has another policy; the trial
// goes on then.
func (h *Host) Keep(table string) (leftovers, err error) {
	err = h.change(table, func() error {
		t, err := h.trial(table)
		if err != nil {
			return err
		}
		is, err := h.tables.Head(table)
		if err != nil {
			return err
		}
		if !t.isLoaded(is) {
			return ErrNotAsTried
		}
		if err := h.notes.Remove(table); err != nil {
			return fmt.Errorf("the policy cannot be kept: %w", err)
		}
		leftovers = h.tables.RemoveUnnamed(table, t.note.Names)
		return nil
	})
	return leftovers, err
}
