package spec

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImports: each folder imports no others than CONTRIBUTING.md says.
func TestImports(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	says := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)/` \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(string(text), -1) {
		says[row[1]] = regexp.MustCompile(`[a-z]+`).FindAllString(row[2], -1)
	}
	out, err := exec.Command("go", "list", "-f", "{{.Module.Path}} {{.ImportPath}} {{join .Imports \" \"}}", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		module, from := fields[0], folderOf(fields[0], fields[1])
		allowed, bounded := says[from]
		if !bounded || from == "spec" || from == "internal" || from == "packaging" {
			continue
		}
		for _, path := range fields[2:] {
			to := folderOf(module, path)
			checked++
			if strings.HasPrefix(path, module+"/") && to != from && !reaches(says, allowed, to) {
				t.Errorf("%s imports %s", fields[1], path)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d imports were looked at", checked)
	}
}

// folderOf is the folder below the root that a package is in.
func folderOf(module, path string) string {
	folder, _, _ := strings.Cut(strings.TrimPrefix(path, module+"/"), "/")
	return folder
}

// reaches reports whether one of the folders is the wanted one, or may import it.
func reaches(says map[string][]string, folders []string, want string) bool {
	for _, f := range folders {
		if f == want || reaches(says, says[f], want) {
			return true
		}
	}
	return false
}

// TestNoTesting: what tests share with the program does not bring package testing, with
// its flags, into it.
func TestNoTesting(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../cmd/knockc").Output()
	if err != nil {
		t.Fatal(err)
	}
	if deps := strings.Fields(string(out)); slices.Contains(deps, "testing") || len(deps) < 50 {
		t.Errorf("knockc is made of %s", deps)
	}
}
