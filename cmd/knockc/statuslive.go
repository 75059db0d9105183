//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
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
		err := v.readPolicy(s)
		switch {
		case err != nil && v.prometheus:
			s.tellAll(err) // and the metrics say that what is loaded is not that
		case err != nil:
			return err
		}
	}
	if v.watch {
		return v.again(s)
	}
	all, err := v.read(s)
	switch {
	case v.prometheus && nothingLoaded(err):
		v.printNotLoaded(s.out)
		return nil
	case err != nil:
		return inWords(err)
	case v.prometheus:
		v.printMetrics(s.out, all)
		return nil // a metric says whether it drifts
	}
	if v.json {
		for _, is := range all {
			err = join(err, v.printJSON(s.out, is))
		}
	} else {
		v.printAll(s.out, all, 0)
	}
	if err == nil && slices.ContainsFunc(all, v.drifts) {
		err = errInput
	}
	return err
}

// nothingLoaded reports whether an error says that there is no policy where one is meant.
func nothingLoaded(err error) bool {
	var notLoaded *live.NotLoadedError
	var foreign *live.ForeignError
	return errors.As(err, &notLoaded) || errors.As(err, &foreign)
}

// readPolicy finds out what should be loaded.
func (v *viewing) readPolicy(s *streams) error {
	src, err := s.read(v.policy)
	if err != nil {
		return err
	}
	policy, found := lang.Examine(src)
	if v.table == "" {
		v.table = policy.Settings.Table
	}
	_, result, err := s.compileExamined(v.policy, src, lang.Error, policy, found)
	if err != nil {
		return err
	}
	v.ruleset = result.Ruleset
	v.wanted, _ = compiler.PolicyOf(v.ruleset.Mark())
	return nil
}

// drifts reports whether what is loaded is not what it should be.
func (v *viewing) drifts(s *seen) bool {
	return s.Dormant || len(s.Unused) > 0 || v.policy != "" && (v.wanted != s.Policy || s.ChangedByHand != "")
}

// read reads all that is meant. With a policy that is one.
func (v *viewing) read(s *streams) (all []*seen, err error) {
	host := newHost()
	defer host.Close()
	places, err := host.FindAll(v.table)
	if err == nil && v.wanted != "" && len(places) > 1 {
		err = &live.SeveralError{Locations: places}
	}
	for _, at := range places {
		var status *live.Status
		if err == nil {
			status, err = host.Status(at, v.ruleset)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, &seen{Status: status, trial: v.trialOf(s, host, at)})
	}
	return all, err
}

// trialOf is how long the policy in a table is still on trial, nil if it is not.
func (v *viewing) trialOf(s *streams, host *live.Host, at live.Location) *time.Duration {
	if at.Fragment != "" {
		return nil
	}
	left, pending, err := host.TrialLeft(at.Table)
	if err != nil && !v.warned {
		v.warned = true
		s.warn(fmt.Errorf("cannot see whether a policy is on trial: %w", err))
	}
	if !pending {
		return nil
	}
	return &left
}
