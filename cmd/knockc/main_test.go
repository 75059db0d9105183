package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"knockc/internal/golden"
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

// condition tells whether nft runs in a network namespace of its own, for the
// scripts that need it. Where it must, the scripts run and fail.
func condition(name string) (bool, error) {
	if name != "nft" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	err := exec.Command("unshare", "-rn", "nft", "list", "ruleset").Run()
	return err == nil || os.Getenv("KNOCKC_KERNEL") == "required", nil
}
