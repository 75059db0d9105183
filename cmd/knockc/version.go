package main

import (
	"flag"
	"fmt"
	"runtime"
)

// version is the tool's version. It goes into what build prints, so the same
// version makes the same bytes of the same policy.
const version = "0.1.0"

var versionCommand = &command{
	name:  "version",
	short: "print the tool's version",
	long:  "Version prints the version of the tool, and the version of Go that built it.",
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runVersion },
}

func runVersion(s *streams, args []string) error {
	if len(args) > 0 {
		return usagef("takes no arguments")
	}
	fmt.Fprintf(s.out, "knockc %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
