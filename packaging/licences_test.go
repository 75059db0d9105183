package packaging

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/internal/golden"
)

// TestLicences holds the tables of licences.md to the modules that are used, with their
// licences. What is passed on must have a licence that asks for its text and no more.
func TestLicences(t *testing.T) {
	page, err := os.ReadFile("licences.md")
	if err != nil {
		t.Fatal(err)
	}
	ofGo, ofNpm := goModules(t), npmModules(t)
	text, _, _ := strings.Cut(string(page), "\n## ")
	text += "\n## Modules of Go\n\n" + table(t, ofGo)
	text += "\n## Modules of npm\n\n" + table(t, ofNpm)
	readme, err := os.ReadFile("../README.md")
	if says := fmt.Sprintf("[%d modules of Go, %d of npm]", ofGo.passedOn(), ofNpm.passedOn()); err != nil || !strings.Contains(string(readme), says) {
		t.Errorf("README.md does not say %s", says)
	}
	if *golden.Update {
		if err := os.WriteFile("licences.md", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(page), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("`make golden` would change licences.md (-want +got):\n%s", diff)
	}
}

// dependency is a module that something contains, or that tests or a build use.
type dependency struct {
	version, licence string
	in               []string
}

// working is where modules are that are not passed on.
const working = "building and testing"

type dependencies map[string]*dependency

func (all dependencies) add(name, version, licence, in string) {
	d := all[name]
	if d == nil {
		d = &dependency{version: version, licence: licence}
		all[name] = d
	}
	if !slices.Contains(d.in, in) && (in != working || d.in == nil) {
		d.in = append(d.in, in)
	}
}

// passedOn is how many modules something contains that is passed on.
func (all dependencies) passedOn() (n int) {
	for _, d := range all {
		if !d.onlyWorking() {
			n++
		}
	}
	return n
}

func (d *dependency) onlyWorking() bool { return slices.Equal(d.in, []string{working}) }

// table says how many modules are passed on, lists all, and judges their licences.
func table(t *testing.T, modules dependencies) string {
	text := fmt.Sprintf("%d of these are passed on.\n\n| module | version | licence | in |\n| --- | --- | --- | --- |\n", modules.passedOn())
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		d := modules[name]
		allowed := []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT"}
		if d.onlyWorking() {
			allowed = append(allowed, "Apache-2.0 AND MIT", "MPL-2.0")
		}
		if !slices.Contains(allowed, d.licence) {
			t.Errorf("%s, in %v, has the licence %q: what does it ask?", name, d.in, d.licence)
		}
		text += fmt.Sprintf("| %s | %s | %s | %s |\n", name, d.version, d.licence, strings.Join(d.in, ", "))
	}
	return text
}

// goModules are those of the command on all systems, of the playground, and of the tests.
func goModules(t *testing.T) dependencies {
	all := dependencies{}
	list := func(in, system string, args ...string) {
		goos, goarch, _ := strings.Cut(system, "/")
		const form = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`
		cmd := exec.Command("go", append([]string{"list", "-deps", "-f", form}, args...)...)
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch)
		listed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(listed)) {
			fields := strings.Fields(line)
			all.add(fields[0], fields[1], licenceIn(t, fields[2]), in)
		}
	}
	for _, system := range []string{"linux/amd64", "darwin/arm64", "windows/amd64", "freebsd/amd64"} {
		list("the command", system, "../cmd/knockc")
	}
	list("the playground", "js/wasm", "../playground/wasm")
	list(working, "linux/amd64", "-test", "../...")
	return all
}

// npmModules are those of the extension and of the page of the playground. What npm takes
// for its development is used to build or to test them.
func npmModules(t *testing.T) dependencies {
	all := dependencies{}
	list := func(in, lockFile string, development bool) {
		data, err := os.ReadFile(lockFile)
		if err != nil {
			t.Fatal(err)
		}
		var lock struct {
			Packages map[string]struct {
				Version, License string
				Dev, Optional    bool
			}
		}
		if err := json.Unmarshal(data, &lock); err != nil {
			t.Fatal(err)
		}
		for path, p := range lock.Packages {
			name, module := strings.CutPrefix(path, "node_modules/")
			if module && p.Dev == development && !p.Optional { // esbuild has a program for each system
				all.add(name, p.Version, p.License, in)
			}
		}
	}
	const extension, playground = "../editors/vscode/package-lock.json", "../playground/package-lock.json"
	list("the extension", extension, false)
	list("the playground", playground, false)
	list(working, extension, true)
	list(working, playground, true)
	return all
}

// licenceIn is the SPDX name of the licence of a module, by words that only it has.
func licenceIn(t *testing.T, folder string) string {
	files, err := filepath.Glob(folder + "/[LC][IO][CP][EY]*")
	if err != nil || len(files) != 1 {
		t.Fatalf("the licences of %s: %v, %v", folder, files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(data)), " ")
	var names []string
	for _, licence := range []struct{ name, words string }{
		{"Apache-2.0", "Apache License"},
		{"BSD-3-Clause", "endorse or promote products derived from this software"},
		{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
		{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
		{"MIT", "Permission is hereby granted, free of charge"},
		{"MPL-2.0", "Mozilla Public License"},
	} {
		if strings.Contains(text, licence.words) && !(licence.name == "BSD-2-Clause" && slices.Contains(names, "BSD-3-Clause")) {
			names = append(names, licence.name)
		}
	}
	return strings.Join(names, " AND ")
}
