//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"example.org/knockc/lang"
	"example.org/knockc/live"
)

// askToKeep asks whether to keep what is on trial, and does so or takes it back.
func (a *applying) askToKeep(s *streams, trial *live.Trial) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	s.print("Keep this policy? First connect from a new terminal. Without a yes, it is rolled back in %s. [yes/no] ", lang.FormatDuration(trial.Left().Round(time.Second)))
	answer := a.answer(s, trial, signals)
	signal.Stop(signals)
	switch answer {
	case saysYes:
		return a.keep(s, trial)
	case saysNo:
		return a.takeBack(s, trial)
	case interrupted:
		s.print("\n")
		s.tell(errors.New("the policy is still " + a.howToEnd(trial)))
		return errInput
	case endedByOther:
		s.print("\n")
		return a.tellEnded(s, trial)
	}
	s.print("\nnobody said yes\n")
	return a.takeBack(s, trial)
}

func (a *applying) howToEnd(trial *live.Trial) string {
	return fmt.Sprintf("on trial, for %s: keep it with `%s`, or roll it back now with `%s`",
		leftOfTrial(trial.Left()), onTable("keep", a.ruleset.Table), onTable("rollback", a.ruleset.Table))
}

// answer is what has come of the question whether to keep a policy.
type answer int

const (
	none answer = iota // in time
	saysYes
	saysNo
	interrupted
	endedByOther // command
)

// answer waits for it.
func (a *applying) answer(s *streams, trial *live.Trial, signals <-chan os.Signal) answer {
	answers := make(chan answer)
	go readAnswers(s, answers)
	for {
		switch pending, err := trial.Pending(); {
		case trial.Left() <= 0:
			return none
		case err == nil && !pending:
			return endedByOther
		}
		select {
		case said, ok := <-answers:
			if ok {
				return said
			}
			answers = nil // nobody will say anything
		case <-signals:
			return interrupted
		case <-time.After(min(trial.Left(), time.Second)):
		}
	}
}

// readAnswers tells what a person says, until it is yes or no or the input ends.
func readAnswers(s *streams, answers chan<- answer) {
	defer close(answers)
	for in := bufio.NewScanner(s.in); in.Scan(); s.print("yes or no? ") {
		switch strings.ToLower(strings.TrimSpace(in.Text())) {
		case "y", "yes":
			answers <- saysYes
			return
		case "n", "no":
			answers <- saysNo
			return
		}
	}
}

func (a *applying) keep(s *streams, trial *live.Trial) error {
	leftovers, err := trial.Keep()
	if errors.Is(err, live.ErrTooLate) {
		return a.tellEnded(s, trial)
	}
	if err != nil {
		s.warnNotEnded(err)
		return inWords(err)
	}
	s.warn(leftovers)
	s.print("kept\n")
	return nil
}

func (a *applying) takeBack(s *streams, trial *live.Trial) error {
	err := trial.TakeBack()
	if errors.Is(err, live.ErrTooLate) {
		return a.tellEnded(s, trial)
	}
	s.warn(err)
	return s.tellTakenBack()
}

func (s *streams) tellTakenBack() error {
	s.tell(errors.New("rolled back: the rules are as they were before"))
	return errInput
}

// tellEnded tells how another command has ended the trial.
func (a *applying) tellEnded(s *streams, trial *live.Trial) error {
	kept, err := trial.Kept()
	switch {
	case kept:
		s.print("kept by another command\n")
		return nil
	case err == nil && trial.Left() <= 0: // by the process that waits for this
		return s.tellTakenBack()
	}
	s.tell(errors.New("another command has ended the trial: `knockc status` shows what is loaded"))
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
