package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPreCommit commits to a repository with the document's configuration of pre-commit,
// which builds the hooks from a clone.
func TestPreCommit(t *testing.T) {
	need(t, "git", "pre-commit")
	t.Setenv("PRE_COMMIT_HOME", t.TempDir())
	t.Setenv("GOMODCACHE", strings.TrimSpace(run(t, "go", "env", "GOMODCACHE"))) // else it would get all modules again
	t.Setenv("GOFLAGS", "-trimpath")
	source := clone(t)
	head := strings.TrimSpace(run(t, "git", "-C", source, "rev-parse", "HEAD"))
	config := inDocument(t, "yaml file=.pre-commit-config.yaml")
	config = strings.Replace(config, "https://"+module(t), source, 1)
	config = regexp.MustCompile(`rev: v\S+`).ReplaceAllString(config, "rev: "+head)

	folder := repository(t, "", "", "")
	if err := os.WriteFile(filepath.Join(folder, ".pre-commit-config.yaml"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, "git", "init", "-q", folder)
	t.Chdir(folder)
	run(t, "pre-commit", "install")
	commit(t, folder)
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			file := filepath.Join("my firewall", m.file)
			edit(t, file, m.old, m.new)
			run(t, "git", "add", "--all")
			out, err := outputOf("git", "commit", "-q", "-m", "A mistake")
			finds(t, out, err, m.hook)
			if m.name == "form" {
				run(t, "git", "diff", "--exit-code", "HEAD", "--", file) // it is mended
			}
			run(t, "git", "reset", "-q", "--hard")
		})
	}
}
