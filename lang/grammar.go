package lang

import (
	"io"
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
	Steps    termsNode     `parser:"@@"`
	Arrow    *lexer.Token  `parser:"@'->'?"`
	Services termsNode     `parser:"@@"`
	Clauses  clausesNode   `parser:"@@"`
	Close    *lexer.Token  `parser:"@'>'?"`
	Rest     []lexer.Token `parser:"@( (!EOF)+ )?"`
}

type defaultsNode struct {
	Keyword lexer.Token   `parser:"@Word"`
	Open    *lexer.Token  `parser:"@'<'?"`
	Words   termsNode     `parser:"@@"`
	Clauses clausesNode   `parser:"@@"`
	Close   *lexer.Token  `parser:"@'>'?"`
	Rest    []lexer.Token `parser:"@( (!EOF)+ )?"`
}

type settingNode struct {
	Keyword lexer.Token   `parser:"@(Word|Keyword|Proto|Number|String|Punct)"`
	Name    *lexer.Token  `parser:"@(Keyword|Knock)?"` // a name that is a keyword
	Values  termsNode     `parser:"@@"`
	Clauses clausesNode   `parser:"@@"` // of `open`
	Rest    []lexer.Token `parser:"@( (!EOF)+ )?"`
}

// Most of a file is lists of clauses and values, so these read their tokens themselves,
// with a loop instead of a grammar. The parser calls their method Parse. A list may be
// empty.

// clausesNode is a list of clauses.
type clausesNode struct {
	Clauses []clauseNode
}

// clauseNode is a clause's keyword and whatever follows up to the next one.
type clauseNode struct {
	Keyword lexer.Token
	Values  termsNode
}

// Parse reads clauses up to a token that cannot begin one.
func (n *clausesNode) Parse(lex *lexer.PeekingLexer) error {
	for lex.Peek().Type == tokenKeyword {
		c := clauseNode{Keyword: *lex.Next()}
		c.Values.Parse(lex)
		n.Clauses = append(n.Clauses, c)
	}
	return nil
}

// termsNode is a list of values.
type termsNode struct {
	Terms []termNode
}

// termNode is a value and what slashes and dashes tie to it: `udp/7000`,
// `8000-8010`, `/24`.
type termNode struct {
	Tokens []lexer.Token
}

// Parse reads terms up to a token that cannot begin one.
func (n *termsNode) Parse(lex *lexer.PeekingLexer) error {
	for beginsTerm(lex.Peek()) {
		start := lex.RawCursor()
		for t := lex.Next(); tight(*t) && tiesTo(lex.Peek()) || tight(*lex.Peek()); t = lex.Next() {
		}
		n.Terms = append(n.Terms, termNode{lex.Range(start, lex.RawCursor())})
	}
	return nil
}

func beginsTerm(t *lexer.Token) bool { return tiesTo(t) || t.Type == tokenString || tight(*t) }

// tiesTo reports whether a token can follow a slash or dash in a term.
func tiesTo(t *lexer.Token) bool {
	return t.Type == tokenWord || t.Type == tokenNumber || t.Type == tokenProto
}

// grammars are the parsers of the three kinds of declarations. The first token tells
// which kind it is; a grammar of all three would try them in turn, which is slow.
type grammars struct {
	knock    *participle.Parser[knockNode]
	defaults *participle.Parser[defaultsNode]
	setting  *participle.Parser[settingNode]
}

// newGrammars makes them once, when there is something to parse.
var newGrammars = sync.OnceValue(func() grammars {
	participle.MaxIterations = math.MaxInt // a policy may be as long as it likes
	kinds := participle.Lexer(tokenKinds{
		"Word": tokenWord, "Keyword": tokenKeyword, "Proto": tokenProto, "Knock": tokenKnock,
		"Number": tokenNumber, "String": tokenString, "Punct": tokenPunct, "EOF": lexer.EOF,
	})
	return grammars{
		participle.MustBuild[knockNode](kinds),
		participle.MustBuild[defaultsNode](kinds),
		participle.MustBuild[settingNode](kinds),
	}
})

// parsed parses the tokens of one declaration. Each grammar takes whatever tokens
// [declarations] makes, so an error is a defect of the grammar.
func parsed[Node any](grammar *participle.Parser[Node], tokens []lexer.Token) *Node {
	n, err := grammar.ParseFromLexer(peeking(tokens))
	if err != nil {
		panic(err)
	}
	return n
}

// tokenKinds names the kinds of tokens as the grammar's tags call them. It is all that
// participle wants of its lexer, as the tokens are made by [scanner].
type tokenKinds map[string]lexer.TokenType

func (k tokenKinds) Symbols() map[string]lexer.TokenType { return k }

func (tokenKinds) Lex(string, io.Reader) (lexer.Lexer, error) { panic("never called") }

// peeking is how participle takes tokens that are made already.
func peeking(tokens []lexer.Token) *lexer.PeekingLexer {
	lex, _ := lexer.Upgrade((*tokenLexer)(&tokens)) // the error would be one of Next
	return lex
}

// tokenLexer hands out tokens and ends in EOF.
type tokenLexer []lexer.Token

func (l *tokenLexer) Next() (lexer.Token, error) {
	if len(*l) == 0 {
		return lexer.EOFToken(lexer.Position{}), nil
	}
	t := (*l)[0]
	*l = (*l)[1:]
	return t, nil
}
