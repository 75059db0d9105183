//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// viewing is one run of the command.
type viewing struct {
	statusOptions
	ruleset *compiler.Ruleset // of the policy, nil if none is given
	wanted  string            // its hash
	warned  bool              // that nothing is known of trials
}

// seen is what is known of a table.
type seen struct {
	*live.Status
	trial *time.Duration // how long its policy is still on trial, nil if it is not
}

func runStatus(s *streams, o statusOptions) error { return (&viewing{statusOptions: o}).run(s) }

func (v *viewing) run(s *streams) error {
	if v.policy != "" {
		if err := v.readPolicy(s); err != nil {
			return err
		}
	}
	if v.watch {
		return v.again(s)
	}
	status, err := v.read(s)
	var notLoaded *live.NotLoadedError
	var foreign *live.ForeignError
	switch {
	case v.prometheus && (errors.As(err, &notLoaded) || errors.As(err, &foreign)):
		v.printNotLoaded(s.out)
		return nil
	case err != nil:
		return inWords(err)
	}
	switch {
	case v.json:
		err = v.printJSON(s.out, status)
	case v.prometheus:
		v.printMetrics(s.out, status)
	default:
		v.print(s.out, status, 0)
	}
	if err == nil && v.drifts(status) && !v.prometheus { // there a metric says so
		err = errInput
	}
	return err
}

// readPolicy finds out what should be loaded.
func (v *viewing) readPolicy(s *streams) error {
	src, err := s.read(v.policy)
	if err != nil {
		return err
	}
	policy, result, err := s.compile(v.policy, src, lang.Error)
	if err != nil {
		return err
	}
	v.table = policy.Settings.Table
	v.ruleset = result.Ruleset
	v.wanted, _ = compiler.PolicyOf(v.ruleset.Mark())
	return nil
}

// drifts reports whether the table is not what it should be.
func (v *viewing) drifts(s *seen) bool {
	return s.Dormant || v.wanted != "" && (v.wanted != s.Policy || s.ChangedByHand != "")
}

func (v *viewing) read(s *streams) (*seen, error) {
	host := newHost()
	defer host.Close()
	status, err := host.Status(v.table, v.ruleset)
	if err != nil {
		return nil, err
	}
	is := &seen{Status: status}
	left, pending, err := host.TrialLeft(v.table)
	if err != nil && !v.warned {
		v.warned = true
		s.warn(fmt.Errorf("cannot see whether a policy is on trial: %w", err))
	}
	if pending {
		is.trial = &left
	}
	return is, nil
}
