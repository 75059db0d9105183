package lang

import (
	"slices"
	"time"

	"github.com/alecthomas/participle/v2/lexer"
)

// Parse reads a policy. It always returns a tree, which holds what could be
// read, and all findings about the text in order; the tree means something
// only if none of them is an error. Whether its parts go together is the
// question of [Check].
func Parse(src []byte) (*Policy, []Finding) {
	tokens, found := lexSource(src)
	p := &parser{findings: found, names: map[string]Span{}}
	for _, declaration := range cutDeclarations(tokens) {
		p.declaration(declaration)
	}
	SortFindings(p.findings)
	return &p.policy, p.findings
}

// parser turns declarations into a Policy.
type parser struct {
	findings
	policy Policy
	names  map[string]Span // of the knocks so far
}

// declaration reads one declaration. Where it holds text that is no token, what
// seems to be missing is most likely that.
func (p *parser) declaration(all []lexer.Token) {
	tokens := slices.DeleteFunc(slices.Clone(all), func(t lexer.Token) bool { return t.Type == tokenBad })
	if len(tokens) == 0 {
		return
	}
	before := len(p.findings)
	p.parse(tokens)
	if len(tokens) < len(all) {
		said := slices.DeleteFunc(p.findings[before:], func(f Finding) bool { return f.Code == CodeSyntax || f.Code == CodeUnclosed })
		p.findings = p.findings[:before+len(said)]
	}
}

func (p *parser) parse(tokens []lexer.Token) {
	node, err := parseDeclaration(tokens)
	if err != nil {
		p.errorf(CodeSyntax, tokenSpan(tokens[0]), "this cannot be read")
		return
	}
	if node.Knock != nil {
		p.knock(node.Knock, tokens)
		return
	}
	p.setting(node.Setting)
}

func (p *parser) setting(n *settingNode) {
	at := tokenSpan(n.Keyword)
	for _, word := range settingWords {
		if n.Keyword.Value == word {
			p.notYet(at, "the setting "+quote(word))
			return
		}
	}
	f := p.errorf(CodeUnknown, at, "expected `knock`, found %s", quote(n.Keyword.Value))
	if near := Nearest(n.Keyword.Value, append([]string{"knock"}, settingWords...)); near != "" {
		f.hint("did you mean `%s`?", near)
	}
}

func (p *parser) notYet(at Span, what string) {
	p.errorf(CodeNotYet, at, "%s is part of the language, but not built yet", what)
}

func (p *parser) knock(n *knockNode, tokens []lexer.Token) {
	keyword := tokenSpan(n.Keyword)
	k := &Knock{Within: DefaultWithin, Grant: DefaultGrant, Span: keyword.To(tokenSpan(tokens[len(tokens)-1]))}
	if !p.knockName(n, k) || !p.knockShape(n, k) {
		return
	}
	for _, term := range n.Steps {
		p.step(term, k)
	}
	p.services(n.Services, k)
	p.clauses(n.Clauses, k)
	p.policy.Knocks = append(p.policy.Knocks, k)
}

// knockName reads the name; without one there is nothing to go on with.
func (p *parser) knockName(n *knockNode, k *Knock) bool {
	if n.Name == nil {
		p.errorf(CodeSyntax, tokenSpan(n.Keyword), "`knock` has no name").hint("knock NAME < STEPS -> SERVICES >")
		return false
	}
	k.Name = Name{n.Name.Value, tokenSpan(*n.Name)}
	if problem := nameProblem(k.Name.Text); problem != "" {
		p.errorf(CodeName, k.Name.Span, "%s is not a name: %s", quote(k.Name.Text), problem)
		return true
	}
	if first, ok := p.names[k.Name.Text]; ok {
		p.errorf(CodeDuplicate, k.Name.Span, "knock %s was already declared in line %d", quote(k.Name.Text), first.Start.Line).
			hint("give one of them another name")
		return true
	}
	p.names[k.Name.Text] = k.Name.Span
	return true
}

// knockShape says which of the tokens that hold a knock together is missing:
// the first one only, as the others may be no more than its consequence. It is
// false if the rest would only be guessed at.
func (p *parser) knockShape(n *knockNode, k *Knock) bool {
	if n.Open == nil {
		p.errorf(CodeSyntax, k.Name.Span, "knock %s has no `<` after its name", quote(k.Name.Text)).
			hint("knock %s < STEPS -> SERVICES >", k.Name.Text)
		return false
	}
	header := tokenSpan(n.Keyword).To(tokenSpan(*n.Open))
	name := quote(k.Name.Text)
	switch {
	case len(n.Rest) > 0:
		p.errorf(CodeSyntax, tokenSpan(n.Rest[0]), "%s cannot stand here", quote(n.Rest[0].Value)).
			hint("a body is STEPS -> SERVICES CLAUSES")
	case n.Close == nil:
		p.errorf(CodeUnclosed, header, "knock %s has no closing `>`", name)
	case len(n.Steps) == 0:
		p.errorf(CodeSyntax, header, "knock %s has no steps", name).
			hint("write the ports to knock at, in order, before `->`")
	case n.Arrow == nil:
		p.errorf(CodeSyntax, header, "knock %s has no `->` between its steps and its services", name)
	case len(n.Services) == 0:
		p.errorf(CodeSyntax, tokenSpan(*n.Arrow), "knock %s has no service after its `->`", name).
			hint("write the ports that it opens, such as 22")
	}
	return true
}

// services reads the terms behind the arrow. A plain word there is a clause
// that nobody knows, and what follows it belongs to it.
func (p *parser) services(terms []*termNode, k *Knock) {
	for i, term := range terms {
		if len(term.Tokens) == 1 && term.Tokens[0].Type == tokenWord && i > 0 {
			p.unknownClause(term)
			return
		}
		p.service(term, k)
	}
}

func (p *parser) unknownClause(term *termNode) {
	word := term.text()
	f := p.errorf(CodeUnknown, term.span(), "unknown clause %s", quote(word))
	if near := Nearest(word, clauseWords); near != "" {
		f.hint("did you mean `%s`?", near)
	}
}

// clauseWords are the clauses of a knock.
var clauseWords = []string{"within", "total", "grant", "once", "reset", "close", "from", "on", "per", "log"}

func (p *parser) clauses(nodes []*clauseNode, k *Knock) {
	given := map[string]int{}
	for _, n := range nodes {
		word, at := n.Keyword.Value, tokenSpan(n.Keyword)
		if line, ok := given[word]; ok {
			p.errorf(CodeDuplicate, at, "clause `%s` was already given in line %d", word, line).hint("leave one of them out")
			continue
		}
		given[word] = at.Start.Line
		switch word {
		case "within":
			p.durationClause(n, &k.Within)
		case "grant":
			p.durationClause(n, &k.Grant)
		default:
			p.notYet(at, "the clause "+quote(word))
		}
	}
}

// durationClause reads a clause that takes one duration.
func (p *parser) durationClause(n *clauseNode, d *time.Duration) {
	word := n.Keyword.Value
	if len(n.Values) == 0 {
		p.errorf(CodeSyntax, tokenSpan(n.Keyword), "`%s` has no duration", word).hint("%s 5s", word)
		return
	}
	switch value := n.Values[0]; {
	case word == "grant" && value.text() == "forever":
		p.notYet(value.span(), "`grant forever`")
	default:
		p.duration(value, d)
	}
	if len(n.Values) == 1 {
		return
	}
	switch extra := n.Values[1]; {
	case extra.Tokens[0].Type == tokenWord:
		p.unknownClause(extra)
	default:
		p.errorf(CodeSyntax, extra.span(), "`%s` takes one duration, %s is too much", word, quote(extra.text()))
	}
}
