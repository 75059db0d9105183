package lang

import (
	"math"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The nodes are declarations as they stand in the text. Every part may be
// missing and any value may stand in any clause: what is wrong is said by the
// code that turns the nodes into a [Policy], which knows how to say it. Rest is
// what follows where nothing can.

type knockNode struct {
	Keyword  lexer.Token   `parser:"@Knock"`
	Name     *lexer.Token  `parser:"@(Word|Keyword|Proto|Knock|Number)?"`
	Open     *lexer.Token  `parser:"@'<'?"`
	Steps    termsNode     `parser:"@@?"`
	Arrow    *lexer.Token  `parser:"@'->'?"`
	Services termsNode     `parser:"@@?"`
	Clauses  []*clauseNode `parser:"@@*"`
	Close    *lexer.Token  `parser:"@'>'?"`
	Rest     []lexer.Token `parser:"@( (Word|Keyword|Proto|Knock|Number|String|Punct)+ )?"`
}

// clauseNode is a clause's keyword and whatever follows up to the next one.
type clauseNode struct {
	Keyword lexer.Token `parser:"@Keyword"`
	Values  termsNode   `parser:"@@?"`
}

type defaultsNode struct {
	Keyword lexer.Token   `parser:"@'defaults'"`
	Open    *lexer.Token  `parser:"@'<'?"`
	Words   termsNode     `parser:"@@?"`
	Clauses []*clauseNode `parser:"@@*"`
	Close   *lexer.Token  `parser:"@'>'?"`
	Rest    []lexer.Token `parser:"@( (Word|Keyword|Proto|Knock|Number|String|Punct)+ )?"`
}

type settingNode struct {
	Keyword lexer.Token   `parser:"@(Word|Keyword|Proto|Number|String|Punct)"`
	Name    *lexer.Token  `parser:"@(Keyword|Knock)?"` // a name that is a keyword
	Values  termsNode     `parser:"@@?"`
	Clauses []*clauseNode `parser:"@@*"` // of `open`
	Rest    []lexer.Token `parser:"@( (Word|Keyword|Proto|Knock|Number|String|Punct)+ )?"`
}

// termsNode is a list of values. It is by far what a file has most of, so it reads
// its tokens itself, a loop instead of a grammar.
type termsNode struct {
	Terms []*termNode
}

// termNode is a value and what slashes and dashes tie to it: `udp/7000`,
// `8000-8010`, `/24`.
type termNode struct {
	Tokens []lexer.Token
}

// Parse reads terms up to a token that none begins with. It is called by the
// parser.
func (n *termsNode) Parse(lex *lexer.PeekingLexer) error {
	for beginsTerm(lex.Peek()) {
		start := lex.RawCursor()
		for t := lex.Next(); tight(*t) && tiesTo(lex.Peek()) || tight(*lex.Peek()); t = lex.Next() {
		}
		n.Terms = append(n.Terms, &termNode{lex.Range(start, lex.RawCursor())})
	}
	if n.Terms == nil {
		return participle.NextMatch
	}
	return nil
}

func beginsTerm(t *lexer.Token) bool { return tiesTo(t) || t.Type == tokenString || tight(*t) }

// tiesTo reports whether a token can stand behind a slash or dash in a term.
func tiesTo(t *lexer.Token) bool {
	return t.Type == tokenWord || t.Type == tokenNumber || t.Type == tokenProto
}

// declarationNode is one of the three kinds of declarations; the others are nil.
type declarationNode struct {
	Knock    *knockNode    `parser:"  @@"`
	Defaults *defaultsNode `parser:"| @@"`
	Setting  *settingNode  `parser:"| @@"`
}

// parsers are those of the kinds of declarations. The first token tells which kind it is,
// so each is parsed by itself: trying them in turn is what costs most.
type parsers struct {
	knock    *participle.Parser[knockNode]
	defaults *participle.Parser[defaultsNode]
	setting  *participle.Parser[settingNode]
}

// newParsers are made once, and not before there is something to parse: it takes as long
// as the start of a command.
var newParsers = sync.OnceValue(func() parsers {
	participle.MaxIterations = math.MaxInt // a policy may be as long as it likes
	grammar := participle.MustBuild[declarationNode](participle.Lexer(definition{}))
	return parsers{production[knockNode](grammar), production[defaultsNode](grammar), production[settingNode](grammar)}
})

func production[P any](grammar *participle.Parser[declarationNode]) *participle.Parser[P] {
	p, err := participle.ParserForProduction[P](grammar)
	if err != nil {
		panic(err) // the grammar above lacks it
	}
	return p
}

// parseDeclaration parses the tokens of one declaration. The grammar takes any
// tokens that cutDeclarations makes; an error is a defect of the grammar.
func parseDeclaration(tokens []lexer.Token) (n declarationNode, err error) {
	lex, err := lexer.Upgrade(&tokenLexer{tokens})
	if err != nil {
		return n, err
	}
	p := newParsers()
	switch first := tokens[0]; {
	case first.Type == tokenKnock:
		n.Knock, err = p.knock.ParseFromLexer(lex)
	case first.Value == "defaults":
		n.Defaults, err = p.defaults.ParseFromLexer(lex)
	default:
		n.Setting, err = p.setting.ParseFromLexer(lex)
	}
	return n, err
}
