package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestVersion: the version and the commit of programs from a tag, from a commit, from files
// that were edited, from another module's cache, and from files without a repository.
func TestVersion(t *testing.T) {
	const revision, time = "vcs.revision 12a1bc1f3f4e8d6c", "vcs.time 2026-11-24T18:09:10Z"
	for _, test := range []struct {
		module string
		noted  []string
		want   string
	}{
		{"v0.2.0", []string{revision, time, "vcs.modified false"}, "0.2.0, commit 12a1bc1f3f4e of 2026-11-24"},
		{"v0.2.1-0.20261124180910-12a1bc1f3f4e+dirty", []string{revision, time, "vcs.modified true"}, "0.2.1-0.20261124180910-12a1bc1f3f4e+dirty, commit 12a1bc1f3f4e of 2026-11-24, with changes"},
		{"v0.2.0", nil, "0.2.0"},
		{"(devel)", nil, "devel"},
		{"", nil, "devel"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.module}}
		for _, text := range test.noted {
			key, value, _ := strings.Cut(text, " ")
			info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
		}
		if got := strings.Join(append([]string{versionOf(info)}, commitOf(info)...), ", "); got != test.want {
			t.Errorf("%s %v is %q, want %q", test.module, test.noted, got, test.want)
		}
	}
}
