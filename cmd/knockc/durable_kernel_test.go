//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// durable is a host whose policy and notes are on a disk that may stop at any moment.
type durable struct {
	*adversary
	inside func(args ...string) *exec.Cmd // a command on the host that sees the disk
	seen   func(file string) string       // how the test sees a file on it
	rules  string                         // the policy
	texts  []string                       // what it may be: tidy, and two others for `fmt -w`
	beside int                            // how often the notes were just being written
}

// newDurable has its files in the folder of the adversary's notes.
func newDurable(a *adversary, key string, inside func(...string) *exec.Cmd, seen func(string) string) *durable {
	tidy := `knock ssh < otp/62201 -> 22 key "` + key + `" grant 1h ahead 1d >` + "\n"
	return &durable{
		adversary: a, inside: inside, seen: seen,
		rules: filepath.Join(a.state, "policy.knock"),
		texts: []string{tidy, strings.ReplaceAll(tidy, " <", "   <"), strings.ReplaceAll(tidy, "1h", "2h")},
	}
}

func (d *durable) runs(args ...string) string {
	d.Helper()
	out, err := d.inside(args...).CombinedOutput()
	if err != nil {
		d.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// writers are the commands that write on the disk.
func (d *durable) writers() [][]string {
	return [][]string{
		{"knockc", "refill"},
		{"knockc", "fmt", "-w", d.rules},
		{"knockc", "apply", "-settle", "0", "-rehearse=false", d.rules},
	}
}

// starts does what the units do at boot.
func (d *durable) starts() {
	d.Helper()
	d.runs("knockc", "apply", "--settle", "0s", "--rehearse=false", "--codes=false", d.rules)
	if said := d.runs("knockc", "refill", d.rules); strings.Contains(said, "cannot be read") {
		d.Errorf("at boot refill says\n%s", said)
	}
}

// isWhole looks at the files on the disk.
func (d *durable) isWhole() {
	d.Helper()
	policy, err := os.ReadFile(d.seen(d.rules))
	if err != nil || !slices.Contains(d.texts, string(policy)) {
		d.Fatalf("the policy is %q, %v", policy, err)
	}
	notes, err := os.ReadFile(d.seen(filepath.Join(d.state, "codes.json")))
	if err != nil || !json.Valid(notes) {
		d.Fatalf("the notes are %q, %v", notes, err)
	}
	if _, err := os.Stat(d.seen(filepath.Join(d.state, "codes.json.new"))); err == nil {
		d.beside++
	}
}
