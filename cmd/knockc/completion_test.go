package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCompletion has each shell complete command lines, where a space at the end
// begins a new word.
func TestCompletion(t *testing.T) {
	tests := []struct{ line, want string }{
		{"knockc ver", "version"},
		{"knockc build -f", "-fragment"},
		{"knockc check -format ", "github sarif text"},
		{"knockc check -format text po", "policy.knock"},
		{"knockc build -o po", "policy.knock"},
		{"knockc check -strict policy.knock -format s", "sarif"},
		{"knockc client -format kn", "knock knockd knockonports"},
		{"knockc completion ", "bash fish zsh"},
		{"knockc help fm", "fmt"},
		{"knockc sim -hz 1", "100 1000"},
		{"knockc check -color n", "never"},
		{"knockc new -rotate policy.knock s", "ssh"},
		{"knockc version ", ""},
		{"knockc knock s", "ssh"},
		{"knockc knock -policy other.knock ", "vpn web"},
		{"knockc revoke ", "all ssh"},
		{"knockc grant ", "ssh"},
	}
	for shell, program := range completers {
		t.Run(shell, func(t *testing.T) {
			for _, test := range tests {
				got := strings.Fields(runShell(t, shell, program, test.line))
				if diff := cmp.Diff(strings.Fields(test.want), got); diff != "" {
					t.Errorf("%q (-want +got):\n%s", test.line, diff)
				}
			}
		})
	}
}

// completers are programs for shells that load the script $1 and print, sorted, how the
// command line $2 can be completed. For zsh the script is only read: its completion
// wants a terminal.
var completers = map[string]string{
	"bash": `
		files=yes
		compopt() { files=; }
		source "$1"
		read -ra COMP_WORDS <<< "$2"
		[[ $2 == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		current=${COMP_WORDS[COMP_CWORD]}
		_knockc knockc "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
		[[ $files && -z ${COMPREPLY[*]} ]] && COMPREPLY=($(compgen -f -- "$current"))
		printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort`,
	"fish": `
		source $argv[1]
		complete -C $argv[2] | string replace -r '\t.*' ''
		true`,
}

func TestCompletionSyntax(t *testing.T) {
	runShell(t, "zsh", `zsh -n $1`, "")
}

// runShell runs a program of a shell beside a policy.
func runShell(t *testing.T, shell, program, line string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		if os.Getenv("KNOCKC_PACKAGING") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"policy.knock": "knock ssh < 7001 9002 -> 22 >\n", "other.knock": "knock vpn < 7001 9002 -> 23 >\nknock web < 7003 9003 -> 80 >\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var script, errOut bytes.Buffer
	if status := run([]string{"completion", shell}, nil, &script, &errOut); status != exitOK {
		t.Fatal(errOut.String())
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, script.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", program, shell, file, line}
	if shell == "fish" {
		args = []string{"--no-config", "-c", program, file, line}
	}
	c := exec.Command(shell, args...)
	c.Dir = dir
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Run(); err != nil || errOut.Len() > 0 {
		t.Errorf("%s: %v: %s", shell, err, errOut.String())
	}
	return out.String()
}
