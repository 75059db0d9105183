package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/knockc/lang"
)

// checkManual reads the pages as their users do: there must be no warnings, and
// everything that there is to be known.
func checkManual(t *testing.T, root string) {
	need(t, "man")
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("MANWIDTH", "80")
	for page, words := range map[string][]string{
		"man1/knockc.1":         commandNames(t, root),
		"man5/knock-policy.5":   slices.Concat(lang.ClauseWords, lang.SettingWords),
		"man5/knock-trace.5":    {"Packets", "Verdicts", "Expectations"},
		"man7/knock-findings.7": {"K001 text that is no token", "K124 a knock that closes its own door"},
	} {
		file := filepath.Join(root, "usr/share/man", page+".gz")
		if said := run(t, "sh", "-c", `man --warnings -l "$1" 2>&1 >/dev/null`, "sh", file); said != "" {
			t.Errorf("%s: %s", page, said)
		}
		text := run(t, "man", "-l", file)
		for _, word := range words {
			if !regexp.MustCompile(`(?m)^   (\w+ and )?` + word + `( and \w+)?$`).MatchString(text) {
				t.Errorf("%s has no section on %s", page, word)
			}
		}
		for _, section := range sections[page] {
			if !strings.Contains(text, "\n"+section+"\n") {
				t.Errorf("%s has no section %s", page, section)
			}
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "       ┌") && len([]rune(line)) > 80+1 {
				t.Errorf("%s has a table too wide for 80 columns: %s", page, line)
			}
		}
	}
	for page, document := range map[string]string{"man5/knock-policy.5": "language", "man5/knock-trace.5": "traces", "man7/knock-findings.7": "findings"} {
		text := run(t, "man", "-l", filepath.Join(root, "usr/share/man", page+".gz"))
		for _, line := range codeLines(t, "../spec/"+document+".md") {
			if !strings.Contains(text, "\n         "+line) {
				t.Errorf("%s: a line of code has changed: %s", page, line)
			}
		}
	}
}

// sections are those that readers of a page look for.
var sections = map[string][]string{"man1/knockc.1": {"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"}}

// commandNames are those that the command's overview has.
func commandNames(t *testing.T, root string) []string {
	var all []string
	overview := run(t, root+"/usr/bin/knockc", "help")
	for _, m := range regexp.MustCompile(`(?m)^    ([a-z]+)  `).FindAllStringSubmatch(overview, -1) {
		all = append(all, m[1])
	}
	if len(all) < 5 {
		t.Errorf("knockc help names few commands: %v", all)
	}
	return all
}

// codeLines are the lines of the code in a document, without indent.
func codeLines(t *testing.T, file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var code []string
	inCode := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```"):
			inCode = !inCode
		case inCode && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "\t"):
			code = append(code, line)
		}
	}
	return code
}
