package spec

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/scanner"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"knockc/compiler"
	"knockc/internal/golden"
	"knockc/lang"
	"knockc/lang/trace"
)

// The documents for users. Each fenced block in them is marked with what it is,
// and the tests hold it to that:
//
//	knock            a policy without errors, in canonical form
//	knock untidy     a policy without errors, in another form
//	knock K102       a policy of which K102 is said
//	trace            a trace without errors, in canonical form
//	trace K012       a trace of which K012 is said
//	says             what is said of the block before, the finding's first line
//	console          commands behind `$ `, and what they print
//
// `file=NAME` gives a block a name, for the commands of the blocks behind it.
// With -update the forms, what is said and what is printed are written anew.
var documents = []string{"language.md", "findings.md", "traces.md"}

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
	if len(words) == 0 || !slices.Contains([]string{"knock", "trace", "says", "console"}, words[0]) {
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

// findings are what is said of a policy or trace. What only the compiler can
// say is asked for by its codes alone: the documents show what is not built too.
func (b *docBlock) findings() []lang.Finding {
	src := []byte(b.text)
	if b.kind == "trace" {
		_, found := trace.Parse(src)
		return found
	}
	policy, found := lang.Examine(src)
	if !lang.HasErrors(found) && (b.code == lang.CodeNotYet || b.code == lang.CodeState) {
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
		if b.code == "" && (f.Severity == lang.Error || strings.HasPrefix(b.section, string(f.Code)+" ")) {
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

// TestDocuments holds every block to what it is marked as.
func TestDocuments(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "knockc/cmd/knockc").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, name := range documents {
		text, blocks := readDocument(t, name)
		dir := t.TempDir()
		var updated strings.Builder
		last := 0
		for i, b := range blocks {
			where := fmt.Sprintf("%s:%d", name, b.line)
			want := b.text
			switch b.kind {
			case "console":
				want = runCommands(t, dir, b.text)
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
			if b.file != "" {
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
		shell := exec.Command("sh", "-c", command)
		shell.Dir = dir
		out, _ := shell.CombinedOutput() // a command may fail, and shows its status
		shown.WriteString(line)
		shown.Write(out)
	}
	return shown.String()
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

// TestEveryWord looks for a section on each clause and setting, and for what
// holds where a policy does not say otherwise.
func TestEveryWord(t *testing.T) {
	text, _ := readDocument(t, "language.md")
	all := anchors(text)
	for _, word := range append(wordsOf(t, "../lang", "clauseWords"), wordsOf(t, "../lang", "settingWords")...) {
		if !slices.Contains(all, word) {
			t.Errorf("language.md: no section %q", word)
		}
	}
	for word, usual := range map[string]string{
		"within":   lang.FormatDuration(lang.DefaultWithin),
		"grant":    lang.FormatDuration(lang.DefaultGrant),
		"table":    lang.DefaultTable,
		"priority": fmt.Sprint(lang.DefaultPriority),
		"size":     fmt.Sprint(lang.DefaultSize),
	} {
		if row := regexp.MustCompile("(?m)^\\| \\[`" + word + "`\\].*`" + usual + "`").FindString(text); row == "" {
			t.Errorf("language.md: no row of %q says %q", word, usual)
		}
	}
}

// wordsOf returns the strings in a package's variable.
func wordsOf(t *testing.T, folder, variable string) []string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			for i := 0; ok && i < len(spec.Names) && i < len(spec.Values); i++ {
				if spec.Names[i].Name == variable {
					ast.Inspect(spec.Values[i], func(n ast.Node) bool {
						if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
							word, _ := strconv.Unquote(lit.Value)
							words = append(words, word)
						}
						return true
					})
				}
			}
			return true
		})
	}
	if len(words) == 0 {
		t.Fatalf("no words in %s of %s", variable, folder)
	}
	return words
}

// ebnfGrammar is a grammar in the notation of the Go specification. What a name
// in capitals stands for may have white space between its parts.
type ebnfGrammar struct {
	productions map[string]*ebnfNode
	used        map[string]bool
	literals    map[string]bool

	scan scanner.Scanner
	next rune
	errs []string
}

// ebnfNode is a part of a production. Its kind is `|`, ` ` (a sequence), `[`,
// `{`, `"` (a literal), `.` (a range of characters) or `n` (a name).
type ebnfNode struct {
	kind  byte
	text  string
	parts []*ebnfNode
}

func readGrammar(t *testing.T) *ebnfGrammar {
	t.Helper()
	text, err := os.ReadFile("grammar.ebnf")
	if err != nil {
		t.Fatal(err)
	}
	g := &ebnfGrammar{productions: map[string]*ebnfNode{}, used: map[string]bool{}, literals: map[string]bool{}}
	g.scan.Init(bytes.NewReader(text))
	g.scan.Filename = "grammar.ebnf"
	g.scan.Mode = scanner.ScanIdents | scanner.ScanStrings | scanner.ScanComments | scanner.SkipComments
	for g.step(); g.next != scanner.EOF && len(g.errs) == 0; {
		name := g.scan.TokenText()
		g.want(scanner.Ident)
		g.want('=')
		if g.productions[name] != nil {
			g.fail(name + " is there twice")
		}
		g.productions[name] = g.alternatives()
		g.want('.')
	}
	for _, problem := range g.errs {
		t.Fatal(problem)
	}
	return g
}

func (g *ebnfGrammar) step() { g.next = g.scan.Scan() }

func (g *ebnfGrammar) fail(problem string) {
	g.errs = append(g.errs, fmt.Sprintf("%v: %s", g.scan.Position, problem))
}

func (g *ebnfGrammar) want(kind rune) {
	if g.next != kind && len(g.errs) == 0 {
		g.fail(fmt.Sprintf("found %q, want %s", g.scan.TokenText(), scanner.TokenString(kind)))
	}
	g.step()
}

func (g *ebnfGrammar) alternatives() *ebnfNode {
	n := &ebnfNode{kind: '|', parts: []*ebnfNode{g.sequence()}}
	for g.next == '|' {
		g.step()
		n.parts = append(n.parts, g.sequence())
	}
	return n
}

func (g *ebnfGrammar) sequence() *ebnfNode {
	n := &ebnfNode{kind: ' '}
	for len(g.errs) == 0 {
		switch g.next {
		case scanner.Ident:
			n.parts = append(n.parts, &ebnfNode{kind: 'n', text: g.scan.TokenText()})
			g.used[g.scan.TokenText()] = true
			g.step()
		case scanner.String:
			n.parts = append(n.parts, g.literal())
		case '(', '[', '{':
			kind := byte(g.next)
			g.step()
			inner := g.alternatives()
			g.want(map[byte]rune{'(': ')', '[': ']', '{': '}'}[kind])
			if kind != '(' {
				inner = &ebnfNode{kind: kind, parts: []*ebnfNode{inner}}
			}
			n.parts = append(n.parts, inner)
		default:
			if len(n.parts) == 0 {
				g.fail("nothing stands here")
			}
			return n
		}
	}
	return n
}

// literal reads a literal, or a range from one character to another.
func (g *ebnfGrammar) literal() *ebnfNode {
	text, _ := strconv.Unquote(g.scan.TokenText())
	g.step()
	if g.next != '…' {
		g.literals[text] = true
		return &ebnfNode{kind: '"', text: text}
	}
	g.step()
	last, _ := strconv.Unquote(g.scan.TokenText())
	g.want(scanner.String)
	return &ebnfNode{kind: '.', text: text + last}
}

// ebnfMatch is a text held against a grammar.
type ebnfMatch struct {
	*ebnfGrammar
	text  string
	white string // what may stand between the parts of a name in capitals
	known map[string][]int
}

// accepts reports whether a whole text is what a name stands for.
func (g *ebnfGrammar) accepts(name, text, white string) bool {
	m := &ebnfMatch{g, strings.TrimPrefix(text, "\uFEFF"), white, map[string][]int{}}
	ends := m.ends(&ebnfNode{kind: 'n', text: name}, 0, true)
	return slices.ContainsFunc(ends, func(end int) bool { return m.skip(end) == len(m.text) })
}

// skip goes behind white space and comments.
func (m *ebnfMatch) skip(at int) int {
	for at < len(m.text) {
		switch {
		case strings.IndexByte(m.white, m.text[at]) >= 0:
			at++
		case m.text[at] == '#':
			n := strings.IndexByte(m.text[at:], '\n')
			if n < 0 {
				return len(m.text)
			}
			at += n
		default:
			return at
		}
	}
	return at
}

// ends are the places where a part that begins at a place can end.
func (m *ebnfMatch) ends(n *ebnfNode, at int, spaced bool) []int {
	switch n.kind {
	case '|':
		var all []int
		for _, part := range n.parts {
			all = append(all, m.ends(part, at, spaced)...)
		}
		return distinct(all)
	case ' ':
		all := []int{at}
		for _, part := range n.parts {
			var further []int
			for _, end := range all {
				further = append(further, m.ends(part, end, spaced)...)
			}
			all = distinct(further)
		}
		return all
	case '[':
		return distinct(append(m.ends(n.parts[0], at, spaced), at))
	case '{':
		all := []int{at}
		for i := 0; i < len(all); i++ {
			for _, end := range m.ends(n.parts[0], all[i], spaced) {
				if !slices.Contains(all, end) {
					all = append(all, end)
				}
			}
		}
		return all
	case 'n':
		return m.name(n.text, at, spaced)
	}
	if spaced {
		at = m.skip(at)
	}
	end := at
	r, size := utf8.DecodeRuneInString(m.text[at:])
	first, width := utf8.DecodeRuneInString(n.text)
	switch last, _ := utf8.DecodeRuneInString(n.text[width:]); {
	case n.kind == '.' && size > 0 && first <= r && r <= last:
		end += size
	case n.kind == '"' && strings.HasPrefix(m.text[at:], n.text):
		end += len(n.text)
	}
	if end == at || spaced && !m.whole(at, end) {
		return nil
	}
	return []int{end}
}

// name is ends for what a name stands for. In one that begins with a small
// letter there is no white space.
func (m *ebnfMatch) name(name string, at int, spaced bool) []int {
	inside := unicode.IsUpper(rune(name[0]))
	key := fmt.Sprint(name, at, spaced)
	if ends, ok := m.known[key]; ok {
		return ends
	}
	start := at
	if spaced && !inside {
		start = m.skip(at)
	}
	ends := m.ends(m.productions[name], start, inside)
	if spaced && !inside {
		ends = slices.DeleteFunc(slices.Clone(ends), func(end int) bool { return !m.whole(start, end) })
	}
	m.known[key] = ends
	return ends
}

// whole reports whether a word goes no further than the end of a match.
func (m *ebnfMatch) whole(start, end int) bool {
	isWord := func(b byte) bool {
		return b == '_' || b == '.' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
	}
	return end == len(m.text) || end > start && !isWord(m.text[end-1]) || !isWord(m.text[end])
}

func distinct(all []int) []int {
	slices.Sort(all)
	return slices.Compact(all)
}

// white space of policies and of traces, whose lines are parts of the grammar.
const policyWhite, traceWhite = " \t\r\n", " \t\r"

// accepted reports whether the grammar accepts a block.
func (g *ebnfGrammar) accepted(kind, text string) bool {
	if kind == "trace" {
		return g.accepts("Trace", text, traceWhite)
	}
	return g.accepts("Policy", text, policyWhite)
}

// TestGrammar holds the grammar to itself, to the words of the language, to the
// examples of the documents, and to those of the tests of the formatters.
func TestGrammar(t *testing.T) {
	g := readGrammar(t)
	for name := range g.used {
		if g.productions[name] == nil {
			t.Errorf("grammar.ebnf: nothing says what %s is", name)
		}
	}
	for name := range g.productions {
		if !g.used[name] && name != "Policy" && name != "Trace" {
			t.Errorf("grammar.ebnf: nothing uses %s", name)
		}
	}
	if t.Failed() {
		return
	}
	words := []string{"accept", "drop", "reject", "policy", "expect", "open", "closed", "at", "for"}
	for _, variable := range []string{"clauseWords", "settingWords", "defaultWords", "valueWords", "wordKinds", "FlagNames", "units"} {
		words = append(words, wordsOf(t, "../lang", variable)...)
	}
	for _, word := range append(words, wordsOf(t, "../lang/trace", "attributeNames")...) {
		if !g.literals[word] {
			t.Errorf("grammar.ebnf: the word %q is missing", word)
		}
	}
	for _, name := range documents {
		_, blocks := readDocument(t, name)
		for _, b := range blocks {
			if b.kind == "says" || b.kind == "console" {
				continue
			}
			syntax := b.code == lang.CodeSyntax || b.code == lang.CodeUnclosed || b.code == lang.CodeKept
			if got := g.accepted(b.kind, b.text); got && syntax || !got && b.canonical() != nil {
				t.Errorf("%s:%d: the grammar accepts this: %t", name, b.line, got)
			}
		}
	}
	for kind, file := range map[string]string{"knock": "../lang/testdata/format.txtar", "trace": "../lang/trace/testdata/format.txtar"} {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !g.accepted(kind, string(f.Data)) {
				t.Errorf("%s: the grammar does not accept %s", file, f.Name)
			}
		}
	}
}
