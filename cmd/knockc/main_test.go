package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"example.org/knockc/internal/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"knockc": main})
}

// TestScripts runs each command as its users would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *golden.Update,
		Condition:     condition,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			root, err := os.Getwd()
			env.Setenv("TESTDATA", root+"/../../testdata")
			return err
		},
	})
}

// exits runs a program as exec does, and wants it to end with a status:
//
//	exits 3 knockc build none.knock
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	status := "0"
	var failed *exec.ExitError
	err := ts.Exec(args[1], args[2:]...)
	switch {
	case errors.As(err, &failed):
		status = strconv.Itoa(failed.ExitCode())
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if status != args[0] {
		ts.Fatalf("exit status %s, want %s", status, args[0])
	}
}

// TestExits: a wrong status fails.
func TestExits(t *testing.T) {
	for script, passes := range map[string]bool{
		"exits 2 knockc": true, "exits 0 knockc": false, "exits 1 knockc": false, "exits 0 knockc version": true, "exits 2 knockc version": false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/a.txtar", []byte(script+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		r := &recorder{}
		func() {
			defer func() {
				if p := recover(); p != nil && p != r {
					panic(p)
				}
			}()
			testscript.RunT(r, testscript.Params{Dir: dir, Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits}})
		}()
		if r.failed == passes {
			t.Errorf("%s: passes is %v", script, !passes)
		}
	}
}

// recorder is a test that notes whether it failed.
type recorder struct{ failed bool }

func (r *recorder) Skip(...any)                        { panic(r) }
func (r *recorder) Fatal(...any)                       { r.FailNow() }
func (r *recorder) Parallel()                          {}
func (r *recorder) Log(...any)                         {}
func (r *recorder) FailNow()                           { r.failed = true; panic(r) }
func (r *recorder) Run(_ string, f func(testscript.T)) { f(r) }
func (r *recorder) Verbose() bool                      { return false }

// condition tells whether nft runs in a network namespace of its own, for the
// scripts that need it. Where it must, the scripts run and fail.
func condition(name string) (bool, error) {
	if name != "nft" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	err := exec.Command("unshare", "-rn", "nft", "list", "ruleset").Run()
	return err == nil || os.Getenv("KNOCKC_KERNEL") == "required", nil
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
