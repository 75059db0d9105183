package spec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.org/knockc/compiler"
	"example.org/knockc/internal/golden"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
)

// The documents for users. Each fenced block in them is marked with what it is,
// and the tests hold it to that:
//
//	knock            a policy without errors, in canonical form
//	knock untidy     a policy without errors, in another form
//	knock K102       a policy with a finding K102
//	trace            a trace without errors, in canonical form
//	trace K012       a trace with a finding K012
//	knockd           a configuration of knockd
//	says             the first line of the finding about the block before
//	console          commands after `$ `, and their output
//	output           a command whose output differs each time; the tests do not run it
//	go               a program that uses the packages
//	prints           the output of the program before
//	nft              rules of another table, which nft loads
//	yaml, sh         how to run knockc in CI, which the tests of packaging try
//
// `file=NAME` gives a block a name, for the commands of the blocks after it.
// With -update the forms, the findings and the outputs are written again.
var documents = []string{"../README.md", "../CHANGELOG.md", "../SECURITY.md", "language.md", "meaning.md", "findings.md", "traces.md", "capture.md", "live.md", "hosts.md", "json.md", "client.md", "devices.md", "codes.md", "import.md", "boot.md", "costs.md", "load.md", "soak.md"}

// docBlock is a fenced block.
type docBlock struct {
	line    int    // of its first fence
	section string // the heading that it stands under
	kind    string
	code    lang.Code
	file    string
	untidy  bool
	text    string
	start   int // offsets of the text
	end     int
}

// docHeading is a line that begins a section.
var docHeading = regexp.MustCompile(`^#+ (.*)$`)

// readDocument returns a document's text and its blocks.
func readDocument(t *testing.T, name string) (string, []*docBlock) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*docBlock
	var open *docBlock
	section, offset, number := "", 0, 0
	for line := range strings.Lines(string(text)) {
		number++
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = markedBlock(t, fmt.Sprintf("%s:%d", name, number), strings.Fields(line[3:]))
			open.line, open.section, open.start = number, section, offset+len(line)
			blocks = append(blocks, open)
		case fence:
			open.end = offset
			open.text = string(text[open.start:open.end])
			open = nil
		case open == nil:
			if m := docHeading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				section = m[1]
			}
			if utf8.RuneCountInString(line) > 91 && !strings.HasPrefix(line, "|") {
				t.Errorf("%s:%d: longer than 90 characters", name, number)
			}
		}
		offset += len(line)
	}
	if open != nil {
		t.Fatalf("%s:%d: this block has no end", name, open.line)
	}
	return string(text), blocks
}

// docCode is the shape of a code.
var docCode = regexp.MustCompile(`^K[0-9]{3}$`)

// markedBlock reads a block's info string.
func markedBlock(t *testing.T, where string, words []string) *docBlock {
	t.Helper()
	if len(words) == 0 || !slices.Contains([]string{"knock", "trace", "knockd", "says", "console", "output", "go", "prints", "nft", "yaml", "sh"}, words[0]) {
		t.Fatalf("%s: a block marked %q", where, words)
	}
	b := &docBlock{kind: words[0]}
	for _, word := range words[1:] {
		file, named := strings.CutPrefix(word, "file=")
		switch {
		case named:
			b.file = file
		case docCode.MatchString(word):
			b.code = lang.Code(word)
		case word == "untidy":
			b.untidy = true
		default:
			t.Fatalf("%s: a block marked %q", where, word)
		}
	}
	return b
}

// findings are what is said of a policy or trace.
func (b *docBlock) findings() []lang.Finding {
	src := []byte(b.text)
	if b.kind == "trace" {
		_, found := trace.Parse(src)
		return found
	}
	policy, found := lang.Examine(src)
	if !lang.HasErrors(found) && (b.code == lang.CodeState) {
		_, more := compiler.Compile(policy)
		found = append(found, more...)
	}
	return found
}

// says is the first line of what is said about the block's code; false if
// nothing is.
func (b *docBlock) says() (string, bool) {
	found := b.findings()
	i := slices.IndexFunc(found, func(f lang.Finding) bool { return f.Code == b.code })
	if i < 0 {
		return "", false
	}
	file := map[string]string{"knock": "policy.knock", "trace": "test.trace"}[b.kind]
	line, _, _ := strings.Cut(found[i].Render(file, []byte(b.text)), "\n")
	return line + "\n", true
}

// canonical is the block's text in canonical form; nil if it has errors.
func (b *docBlock) canonical() []byte {
	format := lang.Format
	if b.kind == "trace" {
		format = trace.Format
	}
	formatted, _ := format([]byte(b.text))
	return formatted
}

// check holds a policy or trace to what it is marked as.
func (b *docBlock) check(t *testing.T, where string) {
	t.Helper()
	if _, said := b.says(); b.code != "" && !said {
		t.Errorf("%s: %s is not said of this", where, b.code)
	}
	for _, f := range b.findings() {
		if b.code == "" && (f.Severity == lang.Error || f.Code == lang.CodeOwnClose || strings.HasPrefix(b.section, string(f.Code)+" ")) {
			t.Errorf("%s: %s", where, f.Render("", []byte(b.text)))
		}
	}
}

// wrapped is a long line over several, the later ones indented.
func wrapped(line string) string {
	text, width := "", 0
	for i, word := range strings.Fields(line) {
		switch {
		case i > 0 && width+1+utf8.RuneCountInString(word) > 84:
			text += "\n    "
			width = 4
		case i > 0:
			text += " "
			width++
		}
		text += word
		width += utf8.RuneCountInString(word)
	}
	return text + "\n"
}

// linkTestdata lets commands find the folder testdata as in the root of the repository.
func linkTestdata(t *testing.T, dir string) {
	t.Helper()
	testdata, err := filepath.Abs("../testdata")
	if err == nil {
		err = os.Symlink(testdata, filepath.Join(dir, "testdata"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDocuments holds every block to what it is marked as.
func TestDocuments(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/knockc").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, name := range documents {
		text, blocks := readDocument(t, name)
		dir := t.TempDir()
		linkTestdata(t, dir)
		var updated strings.Builder
		last := 0
		for i, b := range blocks {
			where := fmt.Sprintf("%s:%d", name, b.line)
			want := b.text
			switch b.kind {
			case "console":
				want = runCommands(t, dir, b.text)
			case "prints":
				want = runProgram(t, blocks[i-1].text)
			case "go", "knockd", "output", "nft", "yaml", "sh":
			case "says":
				if i > 0 {
					line, _ := blocks[i-1].says()
					want = wrapped(line)
				}
			default:
				b.check(t, where)
				if formatted := b.canonical(); formatted != nil && !b.untidy {
					want = string(formatted)
				}
			}
			if b.file != "" && b.kind != "yaml" {
				if err := os.WriteFile(filepath.Join(dir, b.file), []byte(b.text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, b.text); diff != "" && !*golden.Update {
				t.Errorf("%s (-want +got):\n%s", where, diff)
			}
			updated.WriteString(text[last:b.start] + want)
			last = b.end
		}
		updated.WriteString(text[last:])
		if *golden.Update && updated.String() != text {
			if err := os.WriteFile(name, []byte(updated.String()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fromClone is how a reader runs knockc in a clone, without installing it.
const fromClone = "go run ./cmd/knockc "

// runCommands runs the commands of a console block and returns what the block
// has to be.
func runCommands(t *testing.T, dir, text string) string {
	t.Helper()
	var shown strings.Builder
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		if arguments, ok := strings.CutPrefix(command, fromClone); ok {
			command = "knockc " + arguments
		}
		shell := exec.Command("sh", "-c", command)
		shell.Dir = dir
		out, _ := shell.CombinedOutput() // a command may fail, and shows its status
		shown.WriteString(line)
		shown.Write(out)
	}
	return shown.String()
}

// runProgram runs a Go program in this module, and returns what it prints.
func runProgram(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", file).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

// TestEveryCode holds the findings to the list of codes: a row and a section for
// each, in order, and in the section an example and what is said of it.
func TestEveryCode(t *testing.T) {
	text, blocks := readDocument(t, "findings.md")
	var rows, wantRows []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| [K") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	for _, m := range lang.Codes {
		heading := fmt.Sprintf("%s %s", m.Code, m.Title)
		wantRows = append(wantRows, fmt.Sprintf("| [%s](#%s) | %s | %s |", m.Code, anchor(heading), m.Severity, m.Title))
		shown := false
		for i, b := range blocks {
			shown = shown || b.section == heading && b.code == m.Code && i+1 < len(blocks) && blocks[i+1].kind == "says"
		}
		if !shown {
			t.Errorf("findings.md: no section %q with an example and what is said of it", heading)
		}
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("the table of findings.md (-want +got):\n%s", diff)
	}
}

// notInAnchor is what GitHub leaves out of a heading's anchor.
var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchor is the anchor that GitHub gives to a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// TestLinks follows the links of the documents.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	for _, name := range documents {
		text, _ := readDocument(t, name)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			file := m[1]
			if file == "" {
				file = name
			}
			if file != name {
				file = filepath.Join(filepath.Dir(name), file)
			}
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				continue
			}
			target, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if m[2] != "" && !slices.Contains(anchors(string(target)), m[2]) {
				t.Errorf("%s: nothing at %s#%s", name, m[1], m[2])
			}
		}
	}
}

// anchors are those of a document's headings.
func anchors(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if m := docHeading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			all = append(all, anchor(m[1]))
		}
	}
	return all
}

// sectionsOf are the anchors of the sections on words. A section may be on several: `period
// and ahead`.
func sectionsOf(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if m := docHeading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			for _, word := range regexp.MustCompile(", | and ").Split(m[1], -1) {
				all[word] = anchor(m[1])
			}
		}
	}
	return all
}

// TestEveryWord looks for a section and a row on each clause and setting, and for what
// holds where a policy does not say otherwise.
func TestEveryWord(t *testing.T) {
	text, _ := readDocument(t, "language.md")
	sections := sectionsOf(text)
	for _, word := range slices.Concat(lang.ClauseWords, lang.SettingWords) {
		if sections[word] == "" {
			t.Errorf("language.md: no section %q", word)
		}
		if !strings.Contains(text, "\n| [`"+word+"`](#"+sections[word]+") |") {
			t.Errorf("language.md: no row of %q", word)
		}
	}
	meaning, _ := readDocument(t, "meaning.md")
	sections = sectionsOf(meaning)
	for _, word := range lang.ClauseWords {
		if sections[word] == "" {
			t.Errorf("meaning.md: no section %q", word)
		}
	}
	for word, usual := range map[string]string{
		"within":   lang.FormatDuration(lang.DefaultWithin),
		"grant":    lang.FormatDuration(lang.DefaultGrant),
		"table":    lang.DefaultTable,
		"priority": fmt.Sprint(lang.PreroutingPriority),
		"size":     fmt.Sprint(lang.DefaultSize),
	} {
		if row := regexp.MustCompile("(?m)^\\| \\[`" + word + "`\\].*`" + usual + "`").FindString(text); row == "" {
			t.Errorf("language.md: no row of %q says %q", word, usual)
		}
	}
}
