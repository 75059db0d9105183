//go:build linux

package live

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// startDetached starts a command that lives on when this process or its terminal dies. It
// waits by itself, but systemd-logind may kill all processes of a user who has logged out
// (KillUserProcesses). So a timer of systemd starts it once more after that time; that
// alone would not do, since a program that `go run` has built is gone by then.
func startDetached(command []string, after time.Duration) error {
	c := exec.Command(command[0], command[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal of the terminal reaches it
	c.Dir = "/"
	if err := c.Start(); err != nil {
		return err
	}
	if underSystemd() {
		systemdTimer(command, after) // if it refuses, there is the process
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

func systemdTimer(command []string, after time.Duration) error {
	run := []string{
		"--quiet", "--collect", "--description", "Go back to the policy before, unless the new one is kept",
		"--on-active", fmt.Sprintf("%dms", after.Milliseconds()), "--timer-property", "AccuracySec=100ms",
	}
	if folder := os.Getenv(stateVariable); folder != "" {
		run = append(run, "--setenv", stateVariable+"="+folder)
	}
	run = append(run, "--")
	return exec.Command("systemd-run", append(run, command...)...).Run()
}
