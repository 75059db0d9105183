package lang

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// declarations cuts a file into declarations, each of which can be parsed whatever is
// wrong with its neighbours. A declaration begins at `knock`, at a setting's keyword or
// at any other word that starts a line, and a body goes up to its `>`, or up to what can
// only be the next declaration if the `>` is missing.
type declarations struct {
	scanner *scanner
	cut     int // how many of its tokens are cut into declarations
}

const (
	someTokens = 1024 // are made at a time
	lookAhead  = 2    // tokens of the next declaration that may be needed to see its beginning
)

// next is the next declaration; nil if there is none.
func (d *declarations) next() []lexer.Token {
	for {
		rest := d.scanner.tokens[d.cut:]
		n := declarationLength(rest)
		switch {
		case n+lookAhead < len(rest), d.scanner.done && n > 0:
			d.cut += n
			return rest[:n:n]
		case d.scanner.done:
			return nil
		}
		d.scanner.scan(max(someTokens, len(rest)))
	}
}

// declarationLength is the number of tokens in the first declaration.
func declarationLength(tokens []lexer.Token) int {
	if len(tokens) == 0 {
		return 0
	}
	body, arrow := false, tokens[0].Type != tokenKnock
	for i := 1; i < len(tokens); i++ {
		switch t := tokens[i]; {
		case t.Value == "<" && !body:
			body = true
		case t.Value == "->", t.Value == ">" && !arrow && isLostArrow(tokens[i:]):
			arrow = true
		case t.Value == ">":
			return i + 1
		case body && beginsInBody(tokens[:i], tokens[i:]), !body && beginsOutside(tokens[:i], tokens[i:]):
			return i
		}
	}
	return len(tokens)
}

// beginsInBody reports whether a declaration begins at rest although no `>`
// came: at `knock NAME <`, or at a declaration's word that starts a line and is
// indented no more than the declaration before.
func beginsInBody(before, rest []lexer.Token) bool {
	t := rest[0]
	if t.Type == tokenKnock && len(rest) > 2 && rest[2].Value == "<" {
		return true
	}
	startsLine := before[len(before)-1].Pos.Line < t.Pos.Line
	return startsLine && isDeclarationWord(t) && (t.Type == tokenKnock || t.Pos.Column <= before[0].Pos.Column)
}

// isLostArrow reports whether the `>` that rest begins with, in a knock without an
// arrow so far, most likely lost its dash: a service follows on the line.
func isLostArrow(rest []lexer.Token) bool {
	return len(rest) > 1 && rest[1].Pos.Line == rest[0].Pos.Line &&
		(rest[1].Type == tokenNumber || rest[1].Type == tokenProto)
}

// beginsOutside reports whether a declaration begins at rest, with the earlier
// tokens of the one before it given. The word after `knock` or `table` is a
// name, whatever it is.
func beginsOutside(before, rest []lexer.Token) bool {
	t, last := rest[0], before[len(before)-1]
	sameLine := last.Pos.Line == t.Pos.Line
	if isDeclarationWord(t) {
		name := len(before) == 1 && (last.Type == tokenKnock || last.Value == SettingTable.String())
		return !name || !sameLine && len(rest) > 1 && rest[1].Type != tokenPunct
	}
	value := len(before) == 1 || strings.ContainsAny(t.Value, "0123456789*")
	return t.Type == tokenWord && !sameLine && !value
}

func isDeclarationWord(t lexer.Token) bool {
	return t.Type == tokenKnock || t.Type == tokenWord && slices.Contains(SettingWords, t.Value)
}
