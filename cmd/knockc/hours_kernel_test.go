//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"example.org/knockc/internal/golden"
	"example.org/knockc/internal/netns"
)

// TestFirstHoursOnKernel follows people through their first hour, from nothing to an open
// door: what they type, and what they see. Each script has a server and a laptop, see
// [netns.Lab]; a line such as
//
//	on server knockc status
//
// types a command there, in a folder of the machine's name.
func TestFirstHoursOnKernel(t *testing.T) {
	scripts, err := filepath.Glob("testdata/hours/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%v, %v", scripts, err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			lab := netns.NewLab(t, "git", "nc", "python3", "ufw", "knockd")
			machines := map[string]machine{"server": newMachine(t, lab.Host), "laptop": newMachine(t, lab.Client)}
			testscript.Run(t, testscript.Params{
				Files:         []string{script},
				UpdateScripts: *golden.Update,
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits,
					"on": func(ts *testscript.TestScript, neg bool, args []string) {
						m, known := machines[args[0]]
						if !known || len(args) < 2 {
							ts.Fatalf("usage: on server|laptop PROGRAM [ARGUMENT...]")
						}
						err := ts.Exec("nsenter", m.command(ts.MkAbs(args[0]), args[1:])...)
						if neg != (err != nil) {
							ts.Fatalf("%v: %v", args, err)
						}
					},
				},
			})
		})
	}
}

// machine is a machine with network, processes and changed files of its own: the id of its
// first process.
type machine int

// newMachine makes a machine that lasts as long as the test.
func newMachine(t *testing.T, ns netns.Namespace) machine {
	t.Helper()
	const begin = `
		mount -t tmpfs none /mnt
		for d in etc var; do
			mkdir -p /mnt/$d/upper /mnt/$d/work
			mount -t overlay -o lowerdir=/$d,upperdir=/mnt/$d/upper,workdir=/mnt/$d/work none /$d
		done
		mount -t tmpfs none /run
		echo ready
		exec cat`
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	c := ns.Command(ctx, "unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "sh", "-c", begin)
	input, output := netns.Start(t, c)
	t.Cleanup(func() {
		input.Close()
		c.Wait()
		cancel()
	})
	if n, err := output.Read(make([]byte, 16)); n == 0 {
		t.Fatal(err)
	}
	return machine(firstChild(t, c.Process.Pid))
}

// firstChild is the process that a process and its only children have begun last.
func firstChild(t *testing.T, pid int) int {
	t.Helper()
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
		if err != nil {
			t.Fatal(err)
		}
		var child int
		if _, err := fmt.Sscan(string(text), &child); err != nil {
			return pid
		}
		pid = child
	}
}

// command are the arguments of nsenter that run a command on the machine, in a folder.
func (m machine) command(folder string, args []string) []string {
	return append([]string{"--target", fmt.Sprint(int(m)), "--net", "--mount", "--pid", "sh", "-c", `mkdir -p "$0" && cd "$0" && exec "$@"`, folder}, args...)
}
