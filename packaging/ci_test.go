package packaging

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
)

// firewall is a repository in which CI finds nothing.
const firewall = `
-- my firewall/ssh.knock --
knock ssh < 7001 9002 8003 -> 22 reset any >
-- my firewall/ssh.trace --
policy ssh.knock

0s      192.0.2.7 -> 7001                  => pass
+1s     192.0.2.7 -> 9002
+1s     192.0.2.7 -> 8003
+1s     192.0.2.7 -> 22                    => accept
`

// mistakes are edits of firewall in which CI finds something: one of them with each command,
// and an edit of a policy that only a trace shows to be wrong.
var mistakes = []struct {
	name, file, old, new  string
	hook, github, console string // what is said, as patterns
}{
	{
		"form", "ssh.knock", "knock ssh", "knock  ssh",
		`knockc fmt\.+Failed\n- hook id: knockc-fmt\n- files were modified by this hook\n`,
		`^::error file=my firewall/ssh\.knock,title=knockc fmt::not in canonical form%0Arun: knockc fmt -w my firewall/ssh\.knock$`,
		`^my firewall/ssh\.knock$`,
	},
	{
		"policy", "ssh.knock", "8003 ->", "udp ->",
		`my firewall/ssh\.knock:1:23: error: `,
		`^::error file=my firewall/ssh\.knock,line=1,col=23,`,
		`^my firewall/ssh\.knock:1:23: error: `,
	},
	{
		"expectation", "ssh.trace", "accept", "drop",
		`my firewall/ssh\.trace:6: FAIL: wanted drop for 192\.0\.2\.7 -> 22, got accept\n`,
		`^::error file=my firewall/ssh\.trace,line=6,`,
		`^my firewall/ssh\.trace:6: FAIL: wanted drop `,
	},
	{
		"step", "ssh.knock", "8003", "8004",
		`my firewall/ssh\.trace:6: FAIL: wanted accept for 192\.0\.2\.7 -> 22, got drop\n`,
		`^::error file=my firewall/ssh\.trace,line=6,`,
		`^my firewall/ssh\.trace:6: FAIL: wanted accept `,
	},
}

// repository writes firewall, with an edit of a file, into a new folder.
func repository(t *testing.T, file, old, new string) string {
	t.Helper()
	folder := t.TempDir()
	if err := txtar.Write(txtar.Parse([]byte(firewall)), folder); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		edit(t, filepath.Join(folder, "my firewall", file), old, new)
	}
	return folder
}

// edit replaces a text that occurs once in a file.
func edit(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s is not in %s once:\n%s", old, file, text)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, new, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// finds says if CI was right to pass or to fail, and to say what it said.
func finds(t *testing.T, out string, err error, pattern string) {
	t.Helper()
	if err == nil || !regexp.MustCompile("(?m)"+pattern).MatchString(out) {
		t.Errorf("wanted a failure that says %s, got %v and:\n%s", pattern, err, out)
	}
}

// inDocument is the block of spec/traces.md that is marked like this.
func inDocument(t *testing.T, mark string) string {
	t.Helper()
	text, err := os.ReadFile("../spec/traces.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "\n```"+mark+"\n")
	block, _, ended := strings.Cut(block, "\n```\n")
	if !found || !ended {
		t.Fatalf("traces.md has no block %s", mark)
	}
	return block + "\n"
}

// module is the import path of the project, which is also its address.
func module(t *testing.T) string {
	return strings.TrimSpace(run(t, "go", "list", "-m"))
}

// bash runs lines as CI systems do, up to the first that fails.
func bash(folder, lines string, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", lines)
	command.Dir = folder
	command.Env = append(os.Environ(), env...)
	return output(command)
}

// TestCommandsInCI runs the line of shell in the document, and its job for GitLab.
func TestCommandsInCI(t *testing.T) {
	need(t, "bash")
	var config map[string]struct {
		Script    []string
		Artifacts struct {
			Reports struct{ JUnit string }
		}
	}
	if err := yaml.Unmarshal([]byte(inDocument(t, "yaml file=.gitlab-ci.yml")), &config); err != nil {
		t.Fatal(err)
	}
	job := config["knockc"]
	if !regexp.MustCompile("^go install " + regexp.QuoteMeta(module(t)) + `/cmd/knockc@v\S+$`).MatchString(job.Script[0]) {
		t.Fatalf("the job begins with %s", job.Script[0])
	}
	bin := t.TempDir()
	run(t, "go", "build", "-trimpath", "-o", bin, "../cmd/knockc")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	for name, script := range map[string]string{"shell": inDocument(t, "sh"), "gitlab": strings.Join(job.Script[1:], "\n")} {
		t.Run(name, func(t *testing.T) {
			folder := repository(t, "", "", "")
			if out, err := bash(folder, script); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if name == "gitlab" {
				checkReport(t, filepath.Join(folder, job.Artifacts.Reports.JUnit), `failures="0"`)
			}
			for _, m := range mistakes {
				folder := repository(t, m.file, m.old, m.new)
				out, err := bash(folder, script)
				finds(t, out, err, m.console)
				if name == "gitlab" && m.name == "expectation" {
					checkReport(t, filepath.Join(folder, job.Artifacts.Reports.JUnit), `failures="1"`)
				}
			}
		})
	}
}

// checkReport looks for a text in a report for GitLab.
func checkReport(t *testing.T, file, want string) {
	t.Helper()
	report, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(report), want) {
		t.Errorf("the report lacks %s: %v\n%s", want, err, report)
	}
}
