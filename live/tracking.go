//go:build linux

package live

import "example.org/knockc/compiler"

// settling is the policy, by its mark, of a table that does nothing yet but keep connection
// tracking on.
const settling = "none yet"

// Tracking is connection tracking that was switched on for a policy that is to come, so
// that the kernel gets to know the connections that live.
type Tracking struct {
	host  *Host
	table string
	began bool // else the table was there: another process was about to load a policy
}

// StartTracking switches connection tracking on, unless the host tracks connections
// already: then it returns nil.
func (h *Host) StartTracking(r *compiler.Ruleset) (*Tracking, error) {
	is, err := h.tables.Head(r.Table)
	if err != nil {
		return nil, err
	}
	if is != nil && !is.settling() || is == nil && h.tables.Tracks() {
		return nil, nil
	}
	t := &Tracking{host: h, table: r.Table}
	err = h.locked(r.Table, patience, func() error {
		is, err := h.tables.Head(r.Table)
		if err != nil || is != nil && !is.settling() {
			return err // another was faster
		}
		t.began = is == nil
		return h.tables.Load(tracker(r), nil)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// tracker is a ruleset in place of another, with a single rule: it accepts what would be
// accepted anyway.
func tracker(r *compiler.Ruleset) *compiler.Ruleset {
	base := *r.Chains[0]
	tracked := compiler.CtState{States: compiler.StateEstablished | compiler.StateRelated}
	mark := compiler.Legend{For: compiler.ForMark, Text: settling}.Comment()
	base.Rules = []compiler.Rule{{Instructions: []compiler.Instruction{tracked, compiler.Verdict{Kind: compiler.Accept}}, Comment: mark}}
	return &compiler.Ruleset{Table: r.Table, Chains: []*compiler.Chain{&base}}
}

// Undo switches connection tracking off again because of an error, unless a policy was
// loaded since. It returns the error, with what has failed. Without one it does nothing.
func (t *Tracking) Undo(because error) error {
	if because == nil || t == nil || !t.began {
		return because
	}
	return undone(because, t.host.locked(t.table, longPatience, func() error {
		is, err := t.host.tables.Head(t.table)
		if err != nil || is == nil || !is.settling() {
			return err
		}
		return t.host.tables.Remove(t.table)
	}))
}
