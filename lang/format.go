package lang

import (
	"bytes"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// MaxLine is the greatest width, in characters, of a knock on one line.
const MaxLine = 100

// Format returns the policy in canonical form. It changes only white space, and removes
// a leading byte order mark. A text with errors has no canonical form: the findings say
// why, and the returned text is nil.
func Format(src []byte) ([]byte, []Finding) {
	f := readFile(src)
	if HasErrors(f.found) {
		return nil, f.found
	}
	tokens := merged(f.tokens, f.comments)
	p := newPrinter(tokens, f.declarations)
	p.out.Grow(len(src) + 1) // never 0: an empty text is formatted, not nil
	for i := range tokens {
		p.token(tokens, i)
	}
	if len(tokens) > 0 {
		p.out.WriteByte('\n')
	}
	return p.out.Bytes(), nil
}

// merged are the tokens and comments of a text in order.
func merged(tokens, comments []lexer.Token) []lexer.Token {
	all := make([]lexer.Token, 0, len(tokens)+len(comments))
	for _, c := range comments {
		before := 0
		for before < len(tokens) && tokens[before].Pos.Offset < c.Pos.Offset {
			before++
		}
		all = append(append(all, tokens[:before]...), c)
		tokens = tokens[before:]
	}
	return append(all, tokens...)
}

// layout is how the tokens of a body stand.
type layout int

const (
	outside   layout = iota // in no body
	oneLine                 // the whole body on one line
	asWritten               // a line for each of the author's
	byClause                // one line for steps and services, then one for each clause
)

// printer writes tokens with the white space of the canonical form between.
type printer struct {
	out    bytes.Buffer
	begins []bool // of each token: whether a declaration begins there
	goesOn []bool // of each token: whether a declaration goes on there, or after it if it is a comment
	body   layout
	edge   bool // nothing but a trailing comment came since the body's `<`
	header bool // between a knock's `knock` and its `<`
}

func newPrinter(tokens []lexer.Token, declarations [][]lexer.Token) *printer {
	p := &printer{begins: make([]bool, len(tokens)), goesOn: make([]bool, len(tokens))}
	for i, t := range tokens {
		if len(declarations) > 0 && t.Pos == declarations[0][0].Pos {
			p.begins[i] = true
			declarations = declarations[1:]
		}
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		if tokens[i].Type != tokenComment {
			p.goesOn[i] = !p.begins[i]
		} else if i+1 < len(tokens) {
			p.goesOn[i] = p.goesOn[i+1]
		}
	}
	return p
}

func (p *printer) token(tokens []lexer.Token, i int) {
	t := tokens[i]
	if p.begins[i] {
		p.header = t.Type == tokenKnock || t.Value == SettingDefaults.String()
	}
	if t.Value == ">" {
		p.edge = true
	}
	if i > 0 {
		p.space(tokens, i)
	}
	p.out.WriteString(t.Value)
	switch {
	case t.Value == "<":
		p.body, p.edge, p.header = bodyLayout(tokens, i, p.begins), true, false
	case t.Value == ">":
		p.body, p.edge = outside, false
	case t.Type != tokenComment || !trailing(tokens, i):
		p.edge = false
	}
}

// space writes what stands between a token and the one before it.
func (p *printer) space(tokens []lexer.Token, i int) {
	switch {
	case trailing(tokens, i):
		p.out.WriteByte(' ')
	case p.breaks(tokens, i):
		p.newLine(tokens, i)
	case !glued(tokens, i):
		p.out.WriteByte(' ')
	}
}

// breaks reports whether a token starts a line.
func (p *printer) breaks(tokens []lexer.Token, i int) bool {
	before, t := tokens[i-1], tokens[i]
	newLine := before.Pos.Line != t.Pos.Line
	switch {
	case before.Type == tokenComment || t.Type == tokenComment || p.begins[i]:
		return true
	case p.header || p.body == oneLine || tight(before) || tight(t):
		return false
	case p.body == outside:
		return newLine
	case before.Value == "<" || t.Value == ">":
		return true
	case p.body == byClause:
		return t.Type == tokenKeyword
	default:
		return newLine
	}
}

// newLine starts a line, after an empty one if the author left one and the
// token is not at the edge of a body.
func (p *printer) newLine(tokens []lexer.Token, i int) {
	p.out.WriteByte('\n')
	if tokens[i].Pos.Line-tokens[i-1].Pos.Line > 1 && !p.edge {
		p.out.WriteByte('\n')
	}
	if p.body == outside && p.goesOn[i] || p.body != outside && tokens[i].Value != ">" {
		p.out.WriteByte('\t')
	}
}

// trailing reports whether a token is a comment after something on its line.
func trailing(tokens []lexer.Token, i int) bool {
	return i > 0 && tokens[i].Type == tokenComment && tokens[i-1].Pos.Line == tokens[i].Pos.Line
}

// tight reports whether a token ties its neighbours together even over a line
// break.
func tight(t lexer.Token) bool { return t.Value == "/" || t.Value == "-" }

// glued reports whether a token follows the one before it without a space, as
// in a step, a range or a prefix.
func glued(tokens []lexer.Token, i int) bool {
	before, t := tokens[i-1], tokens[i]
	switch {
	case tight(before):
		return true
	case t.Value == "-":
		return before.Type == tokenNumber
	case t.Value == "/":
		return before.Value != ClausePer.String() && !(before.Type == tokenNumber && i > 2 && tokens[i-2].Value == "/" && !glued(tokens, i-2))
	}
	return false
}

// bodyLayout chooses the layout of the body that opens at token i.
func bodyLayout(tokens []lexer.Token, i int, begins []bool) layout {
	end := i
	for tokens[end].Value != ">" {
		end++
	}
	if tokens[i].Pos.Line != tokens[end].Pos.Line {
		return asWritten
	}
	start := i
	for !begins[start] {
		start--
	}
	width := 0
	for j := start; j <= end; j++ {
		width += utf8.RuneCountInString(tokens[j].Value)
		if j > start && !glued(tokens, j) {
			width++
		}
	}
	if width > MaxLine {
		return byClause
	}
	return oneLine
}
