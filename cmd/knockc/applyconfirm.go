package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"knockc/lang"
	"knockc/live"
)

// loadOnTrial loads the ruleset for a time. If that fails the trial, if there is one, must
// be taken back.
func (a *applying) loadOnTrial(old *live.Table) (*live.Trial, error) {
	trial, err := a.beginTrial()
	if err != nil {
		return nil, err
	}
	if err = a.replace(old); err == nil {
		err = trial.Extend(a.confirm)
	}
	return trial, err
}

// beginTrial takes note of what is there, and starts what goes back to it: a process
// that lives on if this one or its terminal dies.
func (a *applying) beginTrial() (*live.Trial, error) {
	trial, err := a.host.BeginTrial(a.ruleset.Table, a.confirm)
	if err != nil {
		return nil, err
	}
	if err := startRollback(a.ruleset.Table, a.confirm); err != nil {
		err = fmt.Errorf("nothing would go back if this process died, so nothing is loaded: %w", err)
		return nil, undone(err, trial.End())
	}
	return trial, nil
}

// startRollback makes `knockc rollback -due` run when a trial ends. It may run twice:
// systemd-logind may kill all processes of a user who has logged out
// (KillUserProcesses), and a program that `go run` has built is gone when a timer would
// start it.
func startRollback(table string, lasts time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"rollback", "-due", "-table", table}
	c := exec.Command(self, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal of the terminal reaches it
	c.Dir = "/"
	if err := c.Start(); err != nil {
		return err
	}
	if underSystemd() {
		systemdTimer(self, args, lasts) // if it refuses, there is the process
	}
	return c.Process.Release()
}

// underSystemd reports whether systemd runs (sd_booted) and its processes are in this
// network namespace.
func underSystemd() bool {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return false
	}
	own, err := os.Readlink("/proc/self/ns/net")
	its, itsErr := os.Readlink("/proc/1/ns/net")
	return err == nil && itsErr == nil && own == its
}

// systemdTimer has systemd start the process.
func systemdTimer(self string, args []string, after time.Duration) error {
	run := []string{
		"--quiet", "--collect", "--description", "Go back to the policy before, unless the new one is kept",
		"--on-active", fmt.Sprintf("%dms", after.Milliseconds()), "--timer-property", "AccuracySec=100ms", "--", self,
	}
	return exec.Command("systemd-run", append(run, args...)...).Run()
}

// ask asks whether to keep what is on trial.
func (a *applying) ask(s *streams, trial *live.Trial) error {
	s.print("keep it? It goes in %s unless you say yes, best from a new connection: [yes/no] ", lang.FormatDuration(trial.Left().Round(time.Second)))
	answers := make(chan bool)
	go readAnswers(s, answers)
	for {
		select {
		case yes, ok := <-answers:
			if !ok {
				answers = nil // nobody will say anything
				continue
			}
			return a.settleTrial(s, trial, yes)
		case <-time.After(trial.Left()):
			s.print("\nnobody said yes\n")
			return a.settleTrial(s, trial, false)
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

// settleTrial keeps what is on trial, or takes it back, also if it cannot be kept.
func (a *applying) settleTrial(s *streams, trial *live.Trial, keep bool) error {
	if !keep {
		s.warn(goBack(s, trial))
		s.tell(errors.New("taken back: what was there before is loaded again"))
		return errInput
	}
	leftovers, err := a.keep(trial)
	if err != nil {
		s.warn(goBack(s, trial))
		return err
	}
	s.warn(leftovers)
	s.print("kept\n")
	return nil
}

// goBack takes a policy back that is on trial. It does not give up: as long as it fails
// the policy is loaded. It returns what failed when that was done.
func goBack(s *streams, trial *live.Trial) error {
	for told := false; ; told = true {
		over, err := takeBack(trial, false)
		if over {
			return err
		}
		if !told {
			s.tell(fmt.Errorf("the policy cannot be taken back yet, this goes on until it is: %w", err))
		}
		time.Sleep(time.Second)
	}
}

// keep ends the trial. What someone has done to the table meanwhile is undone: it is the
// policy that was confirmed.
func (a *applying) keep(trial *live.Trial) (leftovers, err error) {
	err = a.locked(time.Minute, func() error {
		goes, err := trial.Goes()
		if err == nil && !goes {
			err = errors.New("too late: the trial has ended already, `knockc status` shows what is loaded")
		}
		if err != nil {
			return err
		}
		table, err := a.host.Table(trial.Table)
		if err != nil {
			return err
		}
		if err := a.replace(table); err != nil {
			return err
		}
		leftovers = a.host.RemoveLeftovers(a.ruleset)
		if err := trial.End(); err != nil {
			return fmt.Errorf("the policy cannot be kept: %w", err)
		}
		return nil
	})
	return leftovers, err
}
