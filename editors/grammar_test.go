package editors_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

func TestGrammarsKnowAllWords(t *testing.T) {
	tests := []struct {
		file  string
		part  string // regular expression of what of the file counts
		words []string
	}{
		{"vim/syntax/knock.vim", ".*", lang.Words()},
		{"vim/syntax/knocktrace.vim", ".*", trace.Words()},
		{"emacs/knock-mode.el", "defvar knock-font-lock.*defvar knock-trace-font-lock", lang.Words()},
		{"emacs/knock-mode.el", "defvar knock-trace-font-lock.*defun knock-format-buffer", trace.Words()},
		{"kakoune/knock.kak", "shared/knock regions.*shared/knocktrace regions", lang.Words()},
		{"kakoune/knock.kak", "shared/knocktrace regions.*", trace.Words()},
		{"vscode/syntaxes/knock.tmLanguage.json", ".*", lang.Words()},
		{"vscode/syntaxes/knocktrace.tmLanguage.json", ".*", trace.Words()},
	}
	comment := regexp.MustCompile(`(?m)^(;|").*$|^highlight .*$`)
	for _, test := range tests {
		text, err := os.ReadFile(test.file)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile("(?s)" + test.part).Find(comment.ReplaceAll(text, nil))
		for _, word := range test.words {
			if !regexp.MustCompile(`(^|[^a-z\\]|\\(b|zs))` + word + `([^a-z]|$)`).Match(text) {
				t.Errorf("%s does not know %s", test.file, word)
			}
		}
	}
}

// TestGrammarsOfTextMate holds the grammars to regular expressions that every
// engine reads alike: those of package regexp.
func TestGrammarsOfTextMate(t *testing.T) {
	files, err := filepath.Glob("vscode/syntaxes/*.tmLanguage.json")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		var grammar map[string]any
		readJSON(t, file, &grammar)
		repository, _ := grammar["repository"].(map[string]any)
		walk(grammar, func(key, value string) {
			switch key {
			case "match", "begin", "end":
				if _, err := regexp.Compile(value); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			case "include":
				if repository[value[1:]] == nil {
					t.Errorf("%s: nothing is called %s", file, value)
				}
			}
		})
	}
}

// walk calls f with each string in a JSON value and the key that it has.
func walk(value any, f func(key, value string)) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			walk(v, f)
		}
	case map[string]any:
		for key, v := range value {
			if s, ok := v.(string); ok {
				f(key, s)
			}
			walk(v, f)
		}
	}
}

// TestExtension follows the files that the extension names.
func TestExtension(t *testing.T) {
	var extension struct {
		Contributes struct {
			Languages []struct {
				ID, Configuration string
			}
			Grammars []struct {
				Language, ScopeName, Path string
			}
		}
	}
	readJSON(t, "vscode/package.json", &extension)
	known := map[string]bool{}
	for _, language := range extension.Contributes.Languages {
		known[language.ID] = true
		var configuration any
		readJSON(t, filepath.Join("vscode", language.Configuration), &configuration)
	}
	for _, grammar := range extension.Contributes.Grammars {
		var file struct{ ScopeName string }
		readJSON(t, filepath.Join("vscode", grammar.Path), &file)
		if !known[grammar.Language] || file.ScopeName != grammar.ScopeName {
			t.Errorf("%s: language %s, scope %s", grammar.Path, grammar.Language, grammar.ScopeName)
		}
	}
}

func readJSON(t *testing.T, file string, value any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
