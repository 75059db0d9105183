package main

import (
	"os"
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
		Setup: func(env *testscript.Env) error {
			root, err := os.Getwd()
			env.Setenv("TESTDATA", root+"/../../testdata")
			return err
		},
	})
}
