//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/report"
)

// runRefill loads codes of the policy. If that cannot be used, or is not the one that is loaded,
// it loads codes of the one that is.
func runRefill(s *streams, table, name string) error {
	var wanted refill
	var problem error
	if name != "" {
		wanted, problem = s.refillOf(name)
	}
	if table == "" {
		table = wanted.table
	}
	outliveReaders()
	host := newHost()
	defer host.Close()
	at, err := host.Find(table)
	if err != nil {
		return cmp.Or(problem, inWords(err))
	}
	supplied, err := host.Refill(at, wanted.codes, wanted.policy)
	if other := (*live.OtherPolicyError)(nil); errors.As(err, &other) {
		if supplied, err = host.Refill(at, nil, ""); err == nil {
			s.warn(fmt.Errorf("%s is not the policy that is loaded, which has got more codes: `knockc apply` loads it", name))
		} else {
			err = other
		}
	}
	if err != nil {
		return cmp.Or(problem, inWords(err))
	}
	s.done = true
	s.tellSupplied(supplied)
	switch {
	case problem != nil && len(supplied) > 0:
		s.warn(errors.New("the policy that is loaded has got more codes all the same"))
	case len(supplied) == 0:
		fmt.Fprintln(s.out, "no knock has a step with one-time codes")
	}
	return problem
}

// refill is what a policy wants.
type refill struct {
	table, policy string
	codes         []live.Codes
}

func (s *streams) refillOf(name string) (r refill, err error) {
	src, err := s.read(name)
	if err != nil {
		return r, err
	}
	p, result, err := s.compile(name, src, lang.Error)
	if err != nil {
		return r, err
	}
	r.codes, err = s.codesOf(name, result)
	r.table = p.Settings.Table
	if err == nil {
		r.policy, _ = compiler.PolicyOf(result.Ruleset.Mark())
	}
	return r, err
}

// codesOf are the codes that a policy needs. It warns of keys that others may know.
func (s *streams) codesOf(policy string, r *compiler.Result) ([]live.Codes, error) {
	all := []live.Codes{}
	warned := map[string]bool{}
	for _, c := range r.Codes {
		file, err := filepath.Abs(keyFile(policy, c.Key))
		if err != nil {
			return nil, err
		}
		if !warned[file] {
			warned[file] = true
			if _, err := s.readKey(file); err != nil {
				return nil, err
			}
		}
		all = append(all, live.Codes{Knock: c.Knock, File: file, Period: c.Period, Ahead: c.Ahead})
	}
	return all, nil
}

// tellSupplied says what codes there are now.
func (s *streams) tellSupplied(all []live.Supplied) {
	for i, c := range all {
		if i == 0 {
			s.warn(c.Damage) // of all
		}
		until := "until " + momentText(c.Ends)
		switch {
		case !c.Ends.After(c.Begins):
			s.warn(fmt.Errorf("%s has no codes before %s, since the clock has shown that time before, or its old key is gone: make a new key to open it earlier", c.Knock, momentText(c.Begins)))
			continue
		case c.Afresh && c.Begins.After(c.Now):
			fmt.Fprintf(s.out, "%s: %s from %s %s\n", c.Knock, report.Count(c.Added, "code"), momentText(c.Begins), until)
		case c.Afresh:
			fmt.Fprintf(s.out, "%s: %s %s\n", c.Knock, report.Count(c.Added, "code"), until)
		case c.Added > 0:
			fmt.Fprintf(s.out, "%s: %d more, codes %s\n", c.Knock, c.Added, until)
		default:
			fmt.Fprintf(s.out, "%s: codes %s\n", c.Knock, until)
		}
		if c.Gone > c.Ahead/2 {
			s.warn(fmt.Errorf("%d of the %d codes of %s to come were used or deleted: if that is a mistake, make a new key", c.Gone, c.Ahead, c.Knock))
		}
	}
}

// momentText is a moment by the host's clock.
func momentText(t time.Time) string { return t.Local().Format(time.DateTime) }

// codesWords says what a user can do about an error that is about codes; nil if it is not.
func codesWords(err error) error {
	var unknown *live.UnknownCodesError
	var other *live.OtherPolicyError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: name the policy with `knockc refill POLICY`", err)
	case errors.As(err, &other):
		return fmt.Errorf("%w: load this one with `knockc apply`", err)
	}
	return nil
}
