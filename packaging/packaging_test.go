// Package packaging holds what brings knockc onto a host; here it is built and looked at.
package packaging

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/internal/golden"
)

// TestPackage builds the Debian package and uses what is in it.
func TestPackage(t *testing.T) {
	need(t, "dpkg-deb", "git")
	// The go command runs a test again if what is in a folder that it has read changes.
	for _, folder := range []string{".", "deb", "manual", "../cmd/knockc"} {
		if _, err := os.ReadDir(folder); err != nil {
			t.Fatal(err)
		}
	}
	folder, root := t.TempDir(), t.TempDir()
	run(t, "./deb.sh", folder)
	built, err := filepath.Glob(filepath.Join(folder, "knockc_*.deb"))
	if err != nil || len(built) != 1 {
		t.Fatalf("built %v, %v", built, err)
	}
	run(t, "dpkg-deb", "--extract", built[0], root)

	t.Run("files", func(t *testing.T) { checkFiles(t, run(t, "dpkg-deb", "--contents", built[0])) })
	t.Run("command", func(t *testing.T) {
		if said := run(t, root+"/usr/bin/knockc", "version"); !strings.HasPrefix(said, "knockc ") {
			t.Error(said)
		}
	})
	t.Run("licences", func(t *testing.T) { checkLicences(t, root) })
	t.Run("manual", func(t *testing.T) { checkManual(t, root) })
	t.Run("links", func(t *testing.T) { checkLinks(t, root+"/usr/share/doc/knockc") })
	t.Run("editors", func(t *testing.T) { checkEditors(t, root+"/usr/share") })
	t.Run("unit", func(t *testing.T) { checkUnit(t, root) })
}

// checkFiles holds the list of files to testdata/files.txt, less the documents and the
// examples, which have to be all that there are.
func checkFiles(t *testing.T, contents string) {
	const doc = "./usr/share/doc/knockc/"
	var files, documents, examples []string
	for line := range strings.Lines(contents) {
		fields := strings.Fields(line) // mode, owner, size, date, time, name
		name := fields[5]
		folder, file := path.Split(name)
		switch {
		case folder == doc+"spec/" && file != "":
			documents = append(documents, file)
		case folder == doc+"examples/" && file != "":
			examples = append(examples, file)
		default:
			files = append(files, fields[0]+" "+fields[1]+" "+name+"\n")
		}
	}
	if *golden.Update {
		if err := os.WriteFile("testdata/files.txt", []byte(strings.Join(files, "")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/files.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.SplitAfter(string(want), "\n"), append(files, "")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(names(t, "../spec/*.md", "../spec/*.ebnf", "../spec/*.json"), slices.Sorted(slices.Values(documents))); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(names(t, "../testdata/policies/*"), slices.Sorted(slices.Values(examples))); diff != "" {
		t.Errorf("examples (-want +got):\n%s", diff)
	}
}

// checkLicences looks for the licence of each module that the command says it contains.
func checkLicences(t *testing.T, root string) {
	text, err := os.ReadFile(root + "/usr/share/doc/knockc/copyright")
	if err != nil {
		t.Fatal(err)
	}
	modules := regexp.MustCompile(`(?m)^\tdep\t(\S+)`).FindAllStringSubmatch(run(t, "go", "version", "-m", root+"/usr/bin/knockc"), -1)
	if len(modules) < 5 {
		t.Errorf("only %d modules", len(modules))
	}
	for _, m := range modules {
		if !strings.Contains(string(text), "\n"+m[1]+"\n\n") {
			t.Errorf("there is no licence of %s:\n%s", m[1], text)
		}
	}
}

// checkLinks follows the links of the documents: nothing may lead out of what is installed.
func checkLinks(t *testing.T, doc string) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	seen := 0
	for _, pattern := range []string{"*.md", "*/*.md"} {
		files, err := filepath.Glob(filepath.Join(doc, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				seen++
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
					t.Errorf("%s links to %s, which is not installed", filepath.Base(file), m[1])
				}
			}
			for _, word := range []string{"in a clone", "in the clone", "testdata/"} {
				if strings.Contains(string(text), word) {
					t.Errorf("%s says %s, which those who have installed the package do not have", filepath.Base(file), word)
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links", seen)
	}
}

// names are those of the files that match the patterns, sorted.
func names(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			all = append(all, filepath.Base(file))
		}
	}
	slices.Sort(all)
	return all
}

// checkEditors opens a trace in editors that look for plugins where they are installed.
func checkEditors(t *testing.T, share string) {
	need(t, "vim", "nvim", "emacs")
	folder := t.TempDir()
	t.Setenv("HOME", folder)
	t.Setenv("XDG_DATA_DIRS", share)
	vimrc := filepath.Join(folder, "vimrc")
	options := "set packpath=" + share + "/vim/vimfiles\nfiletype plugin on\n"
	if err := os.WriteFile(vimrc, []byte(options), 0o666); err != nil {
		t.Fatal(err)
	}
	const script = "call writefile([&filetype, exists(':KnockFmt')], 'said') | qall!"
	for _, editor := range [][]string{
		{"vim", "-N", "-es", "-u", vimrc, "a.trace", "-c", script},
		{"nvim", "--headless", "a.trace", "-c", script},
		{"emacs", "--batch", "-Q", "-L", share + "/emacs/site-lisp", "-l", "knock-mode", "a.trace", "--eval",
			`(write-region (concat (if (eq major-mode 'knock-trace-mode) "knocktrace" "") "\n2\n") nil "said")`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, editor[0], editor[1:]...)
		cmd.Dir = folder
		out, err := output(cmd)
		if err != nil {
			t.Errorf("%v: %v\n%s", editor, err, out)
		}
		said, _ := os.ReadFile(filepath.Join(folder, "said"))
		if string(said) != "knocktrace\n2\n" {
			t.Errorf("%v: %q\n%s", editor, said, out)
		}
		os.Remove(filepath.Join(folder, "said"))
	}
}

// checkUnit has systemd judge the unit, with the command and the pages where it looks
// for them, and asks it how much an intruder in the service could do, from 0 to 100.
func checkUnit(t *testing.T, root string) {
	need(t, "systemd-analyze")
	t.Setenv("MANPATH", root+"/usr/share/man")
	for _, target := range []string{"sysinit", "basic", "shutdown", "timers", "time-set", "time-sync", "network-pre"} {
		if err := os.WriteFile(root+"/usr/lib/systemd/system/"+target+".target", []byte("[Unit]\nDescription="+target+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"knockc.service", "knockc-refill.service", "knockc-refill.timer"} {
		unit := "/usr/lib/systemd/system/" + name
		if said := run(t, "systemd-analyze", "verify", "--root="+root, unit); said != "" {
			t.Error(said)
		}
		if strings.HasSuffix(name, ".service") {
			run(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", root+unit)
		}
	}
}

// TestPrefix installs at another place, which the unit must know.
func TestPrefix(t *testing.T) {
	need(t)
	root := t.TempDir()
	t.Setenv("DESTDIR", root)
	t.Setenv("PREFIX", "/opt/knockc")
	run(t, "./install.sh")
	unit, err := os.ReadFile(root + "/opt/knockc/lib/systemd/system/knockc.service")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(unit), "\nExecStart=/opt/knockc/bin/knockc apply ") || strings.Contains(string(unit), "/usr/") {
		t.Errorf("%s", unit)
	}
}

// need fails the test without the programs. Where KNOCKC_PACKAGING is not in the
// environment it skips the test, which takes long and changes with little of the code.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getenv("KNOCKC_PACKAGING") == "" {
		t.Skip("make deb-test runs it")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
}

// clone is a clone of this repository in which all changes are committed; new files only
// if git knows them.
func clone(t *testing.T) string {
	t.Helper()
	cloned := filepath.Join(t.TempDir(), "knockc")
	run(t, "git", "clone", "-q", "..", cloned)
	for name := range strings.Lines(run(t, "git", "-C", "..", "ls-files")) {
		// The go command runs a test again if a file that it has looked at changes.
		os.Stat("../" + strings.TrimSpace(name))
	}
	if changes := run(t, "git", "-C", "..", "diff", "--binary", "HEAD"); changes != "" {
		patch := filepath.Join(t.TempDir(), "changes")
		if err := os.WriteFile(patch, []byte(changes), 0o666); err != nil {
			t.Fatal(err)
		}
		run(t, "git", "-C", cloned, "apply", "--index", patch)
		commit(t, cloned)
	}
	return cloned
}

// commit commits all that is in a folder.
func commit(t *testing.T, folder string) {
	t.Helper()
	run(t, "git", "-C", folder, "add", "--all")
	run(t, "git", "-C", folder, "-c", "user.name=Tester", "-c", "user.email=tester@localhost", "commit", "-q", "-m", "For a test")
}

// run runs a program and returns all that it says.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := outputOf(program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// fails runs a program that must fail, and returns all that it says.
func fails(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := outputOf(program, args...)
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v, wanted it to fail\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}
