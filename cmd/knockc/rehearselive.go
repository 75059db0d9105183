//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live"
	"example.org/knockc/live/rehearse"
)

func runRehearse(s *streams, o rehearseOptions) error {
	r, err := untilInterrupted(func() (*rehearse.Report, error) {
		if o.policy == "" {
			return rehearseLoaded(o.table)
		}
		return s.rehearsePolicy(o.policy)
	})
	if err != nil {
		return err
	}
	if o.json {
		err = printRehearsalJSON(s.out, r)
	} else {
		printRehearsal(s.out, r)
	}
	if err == nil && r.Fails() {
		err = errInput
	}
	return err
}

func (s *streams) rehearsePolicy(name string) (*rehearse.Report, error) {
	src, err := s.read(name)
	if err != nil {
		return nil, err
	}
	policy, result, err := s.compile(name, src, lang.Error)
	if err != nil {
		return nil, err
	}
	return rehearsed(rehearse.Run(policy, result))
}

// rehearseLoaded rehearses a policy that is loaded.
func rehearseLoaded(table string) (*rehearse.Report, error) {
	host := newHost()
	defer host.Close()
	at, err := host.Find(table)
	if err != nil {
		return nil, inWords(err)
	}
	loaded, err := host.Recover(at)
	if untold := (*live.UntoldError)(nil); errors.As(err, &untold) {
		return nil, fmt.Errorf("%w: name the policy with `knockc rehearse POLICY`", err)
	}
	if err != nil {
		return nil, inWords(err)
	}
	subject := &rehearse.Subject{Policy: loaded.Policy, Table: at.Table, Fragment: at.Fragment, Sets: loaded.Sets, Places: map[string]rehearse.Places{}}
	for knock, places := range loaded.Places {
		subject.Places[knock] = rehearse.Places(places)
	}
	return rehearsed(rehearse.RunLoaded(subject))
}

func rehearsed(r *rehearse.Report, err error) (*rehearse.Report, error) {
	if err != nil {
		err = fmt.Errorf("cannot rehearse: %w", err)
	}
	return r, err
}

var errInterrupted = errors.New("interrupted")

// untilInterrupted waits for what run does, but no longer than until the user interrupts it.
// The process must end then, and with it what a rehearsal has made.
func untilInterrupted[T any](run func() (*T, error)) (*T, error) {
	type result struct {
		of  *T
		err error
	}
	interrupted, done := make(chan os.Signal, 1), make(chan result, 1)
	signal.Notify(interrupted, interruptions...)
	defer signal.Stop(interrupted)
	go func() {
		r, err := run()
		done <- result{r, err}
	}()
	select {
	case r := <-done:
		return r.of, r.err
	case <-interrupted:
		return nil, errInterrupted
	}
}

// interruptions are the signals by which a user, a terminal that closes, or systemd ends a
// command.
var interruptions = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// printRehearsal shows a rehearsal to a person: what is not good, and how much is.
func printRehearsal(w io.Writer, r *rehearse.Report) {
	for _, p := range problems(r) {
		fmt.Fprintln(w, p)
	}
	if r.Untried > 0 {
		fmt.Fprintln(w, untriedText(r))
	}
	for _, advice := range r.Advice {
		fmt.Fprintln(w, "advice:", lang.Printable(advice))
	}
	works, unjudged, doors := 0, 0, doorsOf(r)
	for _, d := range doors {
		switch d.answer() {
		case rehearse.Good:
			works++
		case rehearse.NotJudged:
			unjudged++
		}
	}
	fmt.Fprintf(w, "%d of %d doors work", works, len(doors))
	if unjudged > 0 {
		fmt.Fprintf(w, ", %d not judged", unjudged)
	}
	if works == len(doors) {
		fmt.Fprint(w, ": strangers are refused, the knock opens")
	}
	fmt.Fprintln(w)
}

// problems are what a rehearsal has found, each with the rule that decided and with what to
// type in lines of their own.
func problems(r *rehearse.Report) (all []string) {
	for _, lost := range r.Lost {
		all = append(all, lang.Printable(lost))
	}
	for _, i := range r.Missing {
		all = append(all, lang.Printable(missingText(i, r.Interfaces)))
	}
	for _, used := range r.InUse {
		all = append(all, lang.Printable(used))
	}
	for _, d := range doorsOf(r) {
		all = append(all, d.problems()...)
	}
	return all
}

func missingText(i lang.Iface, there []string) string {
	return fmt.Sprintf("interface %v of `on`: there is none; this host has %s", i, strings.Join(there, " "))
}

func untriedText(r *rehearse.Report) string {
	return fmt.Sprintf("not all strangers are tried: at a door, this host's addresses, interfaces and rules name %d more", r.Untried)
}

// triedDoor is a service of a knock in a family, with what was asked about it.
type triedDoor []rehearse.Check

// doorsOf are the doors of a rehearsal, in its order.
func doorsOf(r *rehearse.Report) (all []triedDoor) {
	for _, c := range r.Checks {
		if n := len(all); n > 0 && all[n-1].is(c) {
			all[n-1] = append(all[n-1], c)
		} else {
			all = append(all, triedDoor{c})
		}
	}
	return all
}

func (d triedDoor) is(c rehearse.Check) bool {
	return d[0].Knock == c.Knock && d[0].Service == c.Service && d[0].Family == c.Family
}

// answer is bad if one answer is, and good if all are.
func (d triedDoor) answer() rehearse.Answer {
	has := func(a rehearse.Answer) bool {
		return slices.ContainsFunc(d, func(c rehearse.Check) bool { return c.Answer == a })
	}
	switch {
	case has(rehearse.Bad):
		return rehearse.Bad
	case has(rehearse.NotJudged):
		return rehearse.NotJudged
	}
	return rehearse.Good
}

func (d triedDoor) problems() (all []string) {
	told := map[string]bool{"": true}
	for _, c := range d {
		text := c.Why
		if c.Answer == rehearse.NotJudged {
			text = "not judged: " + text
		}
		if c.Asks == rehearse.Stranger && c.Answer == rehearse.Bad {
			text = "OPEN WITHOUT A KNOCK"
		}
		// A problem's consequences are not told again.
		if c.Answer == rehearse.Good || told[text] || c.Answer == rehearse.NotJudged && len(all) > 0 {
			continue
		}
		told[text] = true
		text = fmt.Sprintf("knock %s, %v, %s: %s", c.Knock, c.Service, familyText(c.Family), lang.Printable(text))
		if c.By != nil {
			text += "\n    " + lang.Printable(c.By.String())
		}
		if c.Hint != "" {
			text += "\n    hint: " + lang.Printable(c.Hint)
		}
		all = append(all, text)
	}
	return all
}

func familyText(f compiler.Family) string {
	return map[compiler.Family]string{compiler.IPv4: "IPv4", compiler.IPv6: "IPv6"}[f]
}
