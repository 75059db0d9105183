package main

import (
	"fmt"
	"os"
	"os/exec"
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
		Setup: func(env *testscript.Env) error {
			root, err := os.Getwd()
			env.Setenv("TESTDATA", root+"/../../testdata")
			return err
		},
	})
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
