package lang

import (
	"slices"

	"github.com/alecthomas/participle/v2/lexer"
)

// ParseSteps reads a sequence without a knock, such as `10000 2345 udp/3456`. The steps
// are meaningful only if none of the findings is an error.
func ParseSteps(src []byte) ([]Step, []Finding) {
	s := scanned(src)
	tokens, found := slices.DeleteFunc(s.tokens, isBad), s.found
	p := &parser{}
	steps := p.sequence(tokens)
	if len(steps) == 0 && len(p.findings)+len(found) == 0 {
		start := Pos{Line: 1, Column: 1}
		p.add(CodeSyntax, Span{start, start}, "there is no step").hint("write the ports to knock at, in order: 10000 2345 udp/3456")
	}
	p.findings = append(found, p.findings...)
	SortFindings(p.findings)
	first, _ := FirstErrors(p.findings)
	return steps, first
}

// sequence reads tokens that hold nothing but steps.
func (p *parser) sequence(tokens []lexer.Token) (steps []Step) {
	lex := peeking(tokens)
	var terms termsNode
	terms.Parse(lex) // never an error
	for _, term := range terms.Terms {
		if s, ok := p.step(term); ok {
			steps = append(steps, s)
		}
	}
	if rest := lex.Peek(); !rest.EOF() {
		p.stray(*rest, "a sequence is steps and nothing else: 10000 2345 udp/3456")
	}
	p.fewSteps(steps)
	if second, ok := secondCode(steps); ok {
		p.add(CodeOneTime, second.Span, "a sequence has one step with a one-time code at most").hint("leave one of them out")
	}
	return steps
}
