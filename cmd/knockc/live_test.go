//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.org/knockc/live"
)

// TestInWords: what a user can do is said of the error that it is about, also if going back
// failed after it.
func TestInWords(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		err  error
		want string
	}{
		{broken, "broken"},
		{&live.NotLoadedError{Table: "t"}, "no table inet t is loaded: load a policy with `knockc apply POLICY`"},
		{&live.NotLoadedError{}, "no policy is loaded: load one with `knockc apply POLICY`"},
		{&live.TrialError{Table: "t"}, "a policy is on trial and is being rolled back; if that does not finish, see what this prints: `knockc rollback -table t`"},
		{&live.NotUndoneError{Err: &live.TrialError{Table: "knockc", Left: 9 * time.Second}, Undo: broken},
			"a policy is on trial and will be rolled back in 9s: keep it with `knockc keep`, or roll it back now with `knockc rollback`; " +
				"going back failed: broken"},
		{&live.NotUndoneError{Err: live.ErrTooLate, Undo: broken}, "too late: the trial has ended already, `knockc status` shows what is loaded; going back failed: broken"},
	} {
		if got := inWords(test.err).Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestInterruptedEarly: ^C ends apply and rehearse with a line, also while they read the policy.
func TestInterruptedEarly(t *testing.T) {
	policy := t.TempDir() + "/policy.knock"
	if err := unix.Mkfifo(policy, 0o600); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{"rehearse": "knockc: interrupted\n", "apply": "knockc: interrupted: nothing is loaded\n"} {
		c := exec.Command("knockc", command, policy)
		var said strings.Builder
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		w, err := os.OpenFile(policy, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Fatal(err)
		}
		c.Process.Signal(os.Interrupt)
		c.Wait()
		w.Close()
		if c.ProcessState.ExitCode() != exitSystem || said.String() != want {
			t.Errorf("%s: exit status %d:\n%s", command, c.ProcessState.ExitCode(), said.String())
		}
	}
}
