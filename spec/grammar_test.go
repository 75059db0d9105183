package spec

import (
	"bytes"
	"example.org/knockc/lang"
	"example.org/knockc/lang/trace"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/scanner"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

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

// skip goes past white space and comments.
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
	units := strings.Fields("d h m s ms us ns")
	for _, word := range slices.Concat(lang.Words(), trace.Words(), units) {
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
