//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// ask asks whether to keep what is on trial.
func (a *applying) ask(s *streams, trial *live.Trial) error {
	s.print("Keep this policy? First connect from a new terminal. Without a yes, it is rolled back in %s. [yes/no] ", lang.FormatDuration(trial.Left().Round(time.Second)))
	answers := make(chan bool)
	go readAnswers(s, answers)
	for {
		switch pending, err := trial.Pending(); {
		case trial.Left() <= 0:
			s.print("\nnobody said yes\n")
			return takeBack(s, trial)
		case err == nil && !pending:
			s.print("\n")
			s.tell(errors.New("another command has ended the trial: `knockc status` shows what is loaded"))
			return errInput
		}
		select {
		case yes, ok := <-answers:
			switch {
			case !ok:
				answers = nil // nobody will say anything
			case yes:
				return keep(s, trial)
			default:
				return takeBack(s, trial)
			}
		case <-time.After(min(trial.Left(), time.Second)):
		}
	}
}

// readAnswers tells what a person says, until it is yes or no or the input ends.
func readAnswers(s *streams, answers chan<- bool) {
	defer close(answers)
	for in := bufio.NewScanner(s.in); in.Scan(); s.print("yes or no? ") {
		switch strings.ToLower(strings.TrimSpace(in.Text())) {
		case "y", "yes":
			answers <- true
			return
		case "n", "no":
			answers <- false
			return
		}
	}
}

func keep(s *streams, trial *live.Trial) error {
	leftovers, err := trial.Keep()
	if err != nil {
		s.warnNotEnded(err)
		return inWords(err)
	}
	s.warn(leftovers)
	s.print("kept\n")
	return nil
}

func takeBack(s *streams, trial *live.Trial) error {
	s.warn(trial.TakeBack())
	s.tell(errors.New("rolled back: the rules are as they were before"))
	return errInput
}

// warnNotEnded warns of a trial that could not be ended when its policy was taken back.
func (s *streams) warnNotEnded(err error) {
	if takenBack := (*live.TakenBackError)(nil); errors.As(err, &takenBack) {
		s.warn(takenBack.NotEnded)
	}
}

func (s *streams) tellStuck(err error) {
	s.tell(fmt.Errorf("the policy cannot be rolled back yet; knockc tries again until it is: %w", err))
}
