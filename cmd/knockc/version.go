package main

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

var versionCommand = &command{
	name:  "version",
	short: "print the tool's version",
	long: `
Version prints the version of the tool, the commit that it was built from, if that is
known, and the version of Go that built it.`,
	setup: func(*flag.FlagSet) func(*streams, []string) error { return runVersion },
}

func runVersion(s *streams, args []string) error {
	if len(args) > 0 {
		return usagef("takes no arguments")
	}
	info := buildInfo()
	details := append(commitOf(info), fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH))
	fmt.Fprintf(s.out, "knockc %s (%s)\n", versionOf(info), strings.Join(details, ", "))
	return nil
}

// version is the tool's version. It goes into what build prints, so the same
// version makes the same bytes of the same policy.
var version = versionOf(buildInfo())

// buildInfo is what the go command has noted in the program.
func buildInfo() *debug.BuildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &debug.BuildInfo{}
	}
	return info
}

// versionOf is the version of the module, which names the commit unless that has a tag. A
// program that was built without looking at the repository is called devel.
func versionOf(info *debug.BuildInfo) string {
	switch v := info.Main.Version; v {
	case "", "(devel)":
		return "devel"
	default:
		return strings.TrimPrefix(v, "v")
	}
}

// commitOf says which commit the program was built from, if that was noted.
func commitOf(info *debug.BuildInfo) []string {
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	revision, day := noted["vcs.revision"], noted["vcs.time"]
	if revision == "" {
		return nil
	}
	day, _, _ = strings.Cut(day, "T")
	commit := []string{fmt.Sprintf("commit %.12s of %s", revision, day)}
	if noted["vcs.modified"] == "true" {
		commit = append(commit, "with changes")
	}
	return commit
}
