//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"example.org/knockc/compiler"
	"example.org/knockc/lang"
	"example.org/knockc/live/rehearse"
)

func runRehearse(s *streams, name string, asJSON bool) error {
	src, err := s.read(name)
	if err != nil {
		return err
	}
	policy, result, err := s.compile(name, src, lang.Error)
	if err != nil {
		return err
	}
	r, err := rehearse.Run(policy, result)
	if err != nil {
		return fmt.Errorf("cannot rehearse: %w", err)
	}
	if asJSON {
		err = printRehearsalJSON(s.out, r)
	} else {
		printRehearsal(s.out, r)
	}
	if err == nil && r.Fails() {
		err = errInput
	}
	return err
}

// printRehearsal shows a rehearsal to a person: what is not good, and how much is.
func printRehearsal(w io.Writer, r *rehearse.Report) {
	for _, p := range problems(r) {
		fmt.Fprintln(w, p)
	}
	for _, advice := range r.Advice {
		fmt.Fprintln(w, "advice:", lang.Printable(advice))
	}
	doors := doorsOf(r)
	works := len(slices.DeleteFunc(slices.Clone(doors), func(d triedDoor) bool { return !d.works() }))
	fmt.Fprintf(w, "%d of %d doors work: strangers are refused, the knock opens\n", works, len(doors))
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
	for _, d := range doorsOf(r) {
		all = append(all, d.problems()...)
	}
	return all
}

func missingText(i lang.Iface, there []string) string {
	return fmt.Sprintf("interface %v of `on`: there is none; this host has %s", i, strings.Join(there, " "))
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

func (d triedDoor) works() bool {
	return !slices.ContainsFunc(d, func(c rehearse.Check) bool { return c.Answer != rehearse.Good })
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
