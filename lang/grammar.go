package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// knockNode is a knock as it stands in the text. Every part may be missing and
// any value may stand in any clause: what is wrong is said by the code that
// turns the node into a [Knock], which knows how to say it.
type knockNode struct {
	Keyword  lexer.Token   `parser:"@Knock"`
	Name     *lexer.Token  `parser:"@(Word|Keyword|Proto|Knock|Number)?"`
	Open     *lexer.Token  `parser:"@'<'?"`
	Steps    []*termNode   `parser:"@@*"`
	Arrow    *lexer.Token  `parser:"@'->'?"`
	Services []*termNode   `parser:"@@*"`
	Clauses  []*clauseNode `parser:"@@*"`
	Close    *lexer.Token  `parser:"@'>'?"`
	Rest     []lexer.Token `parser:"@( (Word|Keyword|Proto|Knock|Number|String|Punct)+ )?"`
}

// clauseNode is a clause's keyword and whatever follows up to the next one.
type clauseNode struct {
	Keyword lexer.Token `parser:"@Keyword"`
	Values  []*termNode `parser:"@@*"`
}

// termNode is a value and what slashes and dashes tie to it: `udp/7000`,
// `8000-8010`, `/24`.
type termNode struct {
	Tokens []lexer.Token `parser:"@( (Word|Number|Proto|String) ( ('/'|'-') (Word|Number|Proto)? )* | ( ('/'|'-') (Word|Number|Proto)? )+ )"`
}

// settingNode is a declaration other than a knock.
type settingNode struct {
	Keyword lexer.Token   `parser:"@(Word|Keyword|Proto|Number|String|Punct)"`
	Values  []lexer.Token `parser:"@( (Word|Keyword|Proto|Number|String|Punct)+ )?"`
}

// declarationNode is one or the other.
type declarationNode struct {
	Knock   *knockNode   `parser:"  @@"`
	Setting *settingNode `parser:"| @@"`
}

var declarationParser = participle.MustBuild[declarationNode](participle.Lexer(definition{}))

// parseDeclaration parses the tokens of one declaration. The grammar takes any
// tokens that cutDeclarations makes; an error is a defect of the grammar.
func parseDeclaration(tokens []lexer.Token) (*declarationNode, error) {
	lex, err := lexer.Upgrade(&tokenLexer{tokens})
	if err != nil {
		return nil, err
	}
	return declarationParser.ParseFromLexer(lex)
}

// span is the text that the term stands in.
func (n *termNode) span() Span {
	return tokenSpan(n.Tokens[0]).To(tokenSpan(n.Tokens[len(n.Tokens)-1]))
}

// text is the term without white space, as the canonical form has it.
func (n *termNode) text() string {
	var b strings.Builder
	for _, t := range n.Tokens {
		b.WriteString(t.Value)
	}
	return b.String()
}
