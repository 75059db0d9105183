package packaging

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRename gives a clone another home, where it imports nothing that is not there.
func TestRename(t *testing.T) {
	need(t, "git", "make")
	home := strings.TrimSpace(run(t, "go", "list", "-m"))
	copied := clone(t)
	run(t, "make", "-C", copied, "rename", "MODULE=github.com/people/knockc")
	if left, err := exec.Command("git", "-C", copied, "grep", "-nF", home).Output(); err == nil {
		t.Errorf("the old home is left:\n%s", left)
	}
	for _, address := range []string{"uses: people/knockc@", "go install github.com/people/knockc/cmd/knockc@", "repo: https://github.com/people/knockc"} {
		run(t, "git", "-C", copied, "grep", "-F", address, "spec/traces.md")
	}
	run(t, "go", "-C", copied, "list", "-deps", "-test", "./...")
	if unformatted := run(t, "gofmt", "-l", copied); unformatted != "" {
		t.Errorf("gofmt would change %s", unformatted)
	}
}
