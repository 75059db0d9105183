package editors_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scopes are how the scopes of TextMate begin that stand for the standard groups of Vim, for
// those that both highlight.
var scopes = map[string]string{
	"Comment":    "comment.",
	"String":     "string.",
	"Identifier": "variable.",
	"Number":     "constant.numeric.",
	"Constant":   "constant.",
	"Keyword":    "keyword.control.",
	"Function":   "entity.name.function.",
	"Statement":  "keyword.other.",
	"Type":       "support.type.",
	"Operator":   "keyword.operator.",
}

// TestTextMateScopes highlights with the engine of VS Code.
func TestTextMateScopes(t *testing.T) {
	needNode(t)
	modules := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		text, err := os.ReadFile("vscode/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(modules+"/"+name, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	install.Dir = modules
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, out)
	}
	grammars := map[string]string{".knock": "knock", ".trace": "knocktrace"}
	for _, test := range highlighted {
		s := session{dir: t.TempDir()}
		s.write(t, test.file, test.text)
		var places [][2]int
		for _, h := range test.want {
			places = append(places, [2]int{h.line, h.col})
		}
		list, err := json.Marshal(places)
		if err != nil {
			t.Fatal(err)
		}
		grammar := "vscode/syntaxes/" + grammars[filepath.Ext(test.file)] + ".tmLanguage.json"
		cmd := exec.Command("node", "vscode/test/scopes.js", grammar, filepath.Join(s.dir, test.file), string(list))
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules+"/node_modules")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, out)
		}
		var got []string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		for i, h := range test.want {
			scope, ok := scopes[h.link]
			if h.text == "->" || h.text == "=>" {
				scope += "arrow." // whose > is no bracket
			}
			if ok && !strings.HasPrefix(got[i], scope) {
				t.Errorf("%s:%d:%d: %s is %s, want %s", test.file, h.line, h.col, h.text, got[i], scope)
			}
		}
	}
}
