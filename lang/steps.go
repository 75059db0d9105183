package lang

import (
	"slices"

	"github.com/alecthomas/participle/v2/lexer"
)

// ParseSteps reads a sequence without a knock, such as `10000 2345 udp/3456`. The steps
// are meaningful only if none of the findings is an error.
func ParseSteps(src []byte) ([]Step, []Finding) {
	return parseAlone(src, (*parser).sequence, "there is no step", "write the ports to knock at, in order: 10000 2345 udp/3456")
}

// ParseServices is [ParseSteps] for services, such as `22 udp/51820`.
func ParseServices(src []byte) ([]Service, []Finding) {
	return parseAlone(src, (*parser).servicesAlone, "there is no service", "write the ports to guard: 22 udp/51820")
}

// parseAlone reads a part of a policy that stands alone.
func parseAlone[T any](src []byte, parse func(*parser, []lexer.Token) []T, none, hint string) ([]T, []Finding) {
	s := scanned(src)
	tokens, found := slices.DeleteFunc(s.tokens, isBad), s.found
	p := &parser{}
	all := parse(p, tokens)
	if len(all) == 0 && len(p.findings)+len(found) == 0 {
		start := Pos{Line: 1, Column: 1}
		p.add(CodeSyntax, Span{start, start}, "%s", none).hint("%s", hint)
	}
	p.findings = append(found, p.findings...)
	SortFindings(p.findings)
	first, _ := FirstErrors(p.findings)
	return all, first
}

// sequence reads tokens that hold nothing but steps.
func (p *parser) sequence(tokens []lexer.Token) (steps []Step) {
	for _, term := range p.termsAlone(tokens, "a sequence is steps and nothing else: 10000 2345 udp/3456") {
		if s, ok := p.step(term); ok {
			steps = append(steps, s)
		}
	}
	p.fewSteps(steps)
	if second, ok := secondCode(steps); ok {
		p.add(CodeOneTime, second.Span, "a sequence has one step with a one-time code at most").hint("leave one of them out")
	}
	return steps
}

// servicesAlone reads tokens that hold nothing but services.
func (p *parser) servicesAlone(tokens []lexer.Token) (services []Service) {
	for _, term := range p.termsAlone(tokens, "services are ports and nothing else: 22 udp/51820") {
		if s, ok := p.service(term); ok {
			services = append(services, s)
		}
	}
	return services
}

// termsAlone reads tokens that hold nothing but terms; expects says what they are.
func (p *parser) termsAlone(tokens []lexer.Token, expects string) []termNode {
	lex := peeking(tokens)
	var terms termsNode
	terms.Parse(lex) // never an error
	if rest := lex.Peek(); !rest.EOF() {
		p.stray(*rest, expects)
	}
	return terms.Terms
}
