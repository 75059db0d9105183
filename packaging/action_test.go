package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is a composite action of GitHub.
type action struct {
	Inputs    map[string]struct{ Default string }
	Runs      struct{ Steps []step }
	temporary string // a folder for all runs, as a runner has it
}

// step is one of an action or of a job.
type step struct {
	Uses, Run, Shell string
	Env, With        map[string]string
}

// TestAction does what the document's workflow does with the action, except that Go is there
// already.
func TestAction(t *testing.T) {
	need(t, "bash")
	var workflow struct {
		Jobs map[string]struct{ Steps []step }
	}
	if err := yaml.Unmarshal([]byte(inDocument(t, "yaml file=.github/workflows/knockc.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	steps := workflow.Jobs["knockc"].Steps
	if len(steps) != 2 || !strings.HasPrefix(steps[0].Uses, "actions/checkout@v") || !strings.HasPrefix(steps[1].Uses, module(t)+"@v") {
		t.Fatalf("the job's steps are %+v", steps)
	}

	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	a := action{temporary: t.TempDir()}
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	t.Run("good", func(t *testing.T) {
		out, err := a.run(t, repository(t, "", "", ""), steps[1].With)
		if err != nil || strings.Contains(out, "::") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			out, err := a.run(t, repository(t, m.file, m.old, m.new), steps[1].With)
			finds(t, out, err, m.github)
		})
	}
	t.Run("path", func(t *testing.T) {
		folder := repository(t, "", "", "")
		if err := os.WriteFile(filepath.Join(folder, "left.knock"), []byte("knock"), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := a.run(t, folder, map[string]string{"path": "my firewall"}); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// input is an expression that stands for an input.
var input = regexp.MustCompile(`\$\{\{ inputs\.([a-z-]+) \}\}`)

// value replaces the expressions in a text.
func (a action) value(t *testing.T, text string, with map[string]string) string {
	text = input.ReplaceAllStringFunc(text, func(expression string) string {
		name := input.FindStringSubmatch(expression)[1]
		if given, ok := with[name]; ok {
			return given
		}
		declared, ok := a.Inputs[name]
		if !ok {
			t.Errorf("there is no input %s", name)
		}
		return declared.Default
	})
	if strings.Contains(text, "${{") {
		t.Errorf("this test does not know the expression in %s", text)
	}
	return text
}

// run runs the action's steps in a repository, up to the first that fails.
func (a action) run(t *testing.T, repository string, with map[string]string) (said string, err error) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	paths := filepath.Join(t.TempDir(), "paths") // what steps add to PATH, a folder on each line
	path := os.Getenv("PATH")
	for _, s := range a.Runs.Steps {
		for name := range s.With {
			a.value(t, s.With[name], with)
		}
		if s.Uses != "" {
			continue
		}
		if s.Shell != "bash" || strings.Contains(s.Run, "${{") {
			t.Fatalf("a step is not as a composite action can run it, or puts an input into a script: %+v", s)
		}
		env := []string{"GITHUB_ACTION_PATH=" + root, "GITHUB_PATH=" + paths, "RUNNER_TEMP=" + a.temporary, "PATH=" + path, "GOFLAGS=-trimpath"}
		for name := range s.Env {
			env = append(env, name+"="+a.value(t, s.Env[name], with))
		}
		out, err := bash(repository, s.Run, env...)
		said += out
		if err != nil {
			return said, err
		}
		added, _ := os.ReadFile(paths)
		for folder := range strings.Lines(string(added)) {
			path = strings.TrimSpace(folder) + ":" + path
		}
	}
	return said, nil
}
