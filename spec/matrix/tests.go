package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// part is tests of the project that show one thing.
type part struct {
	name  string
	shows string
	heavy bool // takes too long in an emulated machine
	tests []tests
}

// tests are those of a package whose names match.
type tests struct {
	folder, match string
	args          string
	script        bool // they need nft and its scripts alone, and not what knockc apply needs
}

// ofScripts are the parts without the tests that need more than scripts.
func ofScripts(parts []part) (reduced []part) {
	for _, p := range parts {
		p.tests = slices.DeleteFunc(slices.Clone(p.tests), func(t tests) bool { return !t.script })
		if len(p.tests) > 0 {
			reduced = append(reduced, p)
		}
	}
	return reduced
}

var parts = []part{
	{"examples", "the policies that the project shows load as nft text and by netlink, and list alike", false, []tests{
		{"compiler", "^TestSetUpsAgreeOnKernel$", "", false},
	}},
	{"cases", "the cases in spec/cases: the kernel does to their packets what the model says", false, []tests{
		{"spec", "^TestCasesOnKernel$", "", true},
	}},
	{"random", "500 random policies, with random packets: the same", false, []tests{
		{"spec", "^TestRandomOnKernel$", "-pairs 500", true},
	}},
	{"reload", "policies are loaded over each other, and doors and codes stay; listings load again", false, []tests{
		{"compiler", "^(TestWritersAgree|TestLoadOver)OnKernel$", "", false},
		{"spec", "^(TestReload|TestReload(Neighbours|Log|Anything|Layouts|LeavesNoLayout)|TestListings)OnKernel$", "", true},
		{"live", "^(TestWaysOfLoading|TestCodesStayUsed)OnKernel$", "", false},
	}},
	{"flood", "the same in a flood of packets: none gets through, except one between two hooks", true, []tests{
		{"spec", "^TestReloadUnderFloodOnKernel$", "", true},
	}},
	{"rollback", "a policy on trial is kept, or all is as before, whatever is killed", false, []tests{
		{"cmd/knockc", "^(TestRollback.*|TestConfirm|TestOnTrial|TestKilledAnywhere|TestNoWayBack)OnKernel$", "", false},
		{"live", "^(TestRollback.*|TestCrowdedByRollback)OnKernel$", "", false},
	}},
	{"rehearsal", "what a rehearsal says of hosts, and that real clients see the same", false, []tests{
		{"live/rehearse", "^Test(Rehearsals|Lost|Elements|EndedElements|Early|Uses|Codes|Renumber|TakenName|Strangers|NamedNobody|ManyStrangers|Unnumbered|Hints|DocumentedRules)OnKernel$", "", false},
		{"cmd/knockc", "^(TestApplyRehearses|TestRehearse|TestRehearsalLeavesNothing)OnKernel$", "", false},
	}},
}

func partNames() []string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// chooseParts returns the parts that the words name, or all.
func chooseParts(words []string) ([]part, error) {
	if len(words) == 0 {
		return parts, nil
	}
	var chosen []part
	for _, word := range words {
		i := slices.Index(partNames(), word)
		if i < 0 {
			return nil, fmt.Errorf("there is no part %s", word)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

// built is a copy of the project with programs of its tests.
type built struct {
	folder string
	names  map[tests][]string // the tests, by name
}

// build copies the files of the project, since tests read them, and builds the tests of
// the parts beside them.
func build(ctx context.Context, folder string, parts []part) (*built, error) {
	b := &built{folder, map[tests][]string{}}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	if err := shell(ctx, `git ls-files -co --exclude-standard -z | cpio --quiet -0pd "$1"`, folder); err != nil {
		return nil, err
	}
	for _, p := range parts {
		for _, t := range p.tests {
			program := filepath.Join(folder, t.folder, "matrix.test")
			c := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", program, "./"+t.folder)
			c.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := c.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("build the tests of %s: %w\n%s", t.folder, err, out)
			}
			out, err := exec.CommandContext(ctx, program, "-test.list", t.match).Output()
			if err != nil {
				return nil, fmt.Errorf("list the tests of %s: %w", t.folder, err)
			}
			if b.names[t] = strings.Fields(string(out)); len(b.names[t]) == 0 {
				return nil, fmt.Errorf("%s has no tests %s", t.folder, t.match)
			}
		}
	}
	return b, nil
}

// script runs the tests of the parts, and marks in the output where each begins and ends.
func (b *built) script(parts []part) string {
	text := ""
	for _, p := range parts {
		text += fmt.Sprintf("echo '%s%s'\nstatus=0\n", beginMark, p.name)
		for _, t := range p.tests {
			text += fmt.Sprintf("(cd %s && ./matrix.test -test.v -test.timeout 30m -test.run '%s' %s) || status=1\n", t.folder, t.match, t.args)
		}
		text += fmt.Sprintf("echo; echo \"%s$status\"\n", endMark)
	}
	return text
}

// shell runs a command line with arguments.
func shell(ctx context.Context, line string, args ...string) error {
	c := exec.CommandContext(ctx, "sh", append([]string{"-ec", line, "sh"}, args...)...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return nil
}
